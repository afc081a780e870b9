using MnistCnn.Training;
using ScottPlot;

namespace MnistCnn.Reporting;

/// <summary>Draws <c>accuracy.png</c>: test accuracy and epsilon against epochs.</summary>
public static class ResultsPlot
{
    public const string FileName = "accuracy.png";

    private static readonly Color AccuracyColor = Color.FromHex("#1f5fa8");
    private static readonly Color AverageColor = Color.FromHex("#6aa5dd");
    private static readonly Color EpsilonColor = Color.FromHex("#c2571a");

    /// <summary>Draws the plot into a file.</summary>
    /// <param name="path">The file.</param>
    /// <param name="title">What was trained.</param>
    /// <param name="epochs">The points; with none there is nothing to draw, and the plot says so.</param>
    /// <param name="delta">The delta of epsilon.</param>
    public static void Write(string path, string title, IReadOnlyList<EpochResult> epochs, double delta)
    {
        PlotFont.Register();
        using var plot = new Plot();
        plot.Title(title, 18);
        plot.XLabel("epochs", 15);

        Draw(plot, plot.Axes.Left, "test accuracy", AccuracyColor, epochs, epoch => 100 * epoch.TestAccuracy);
        Draw(plot, plot.Axes.Left, "test accuracy of averaged weights", AverageColor, epochs, epoch => 100 * epoch.AverageTestAccuracy);
        plot.Axes.Left.Label.Text = "test accuracy";
        plot.Axes.Left.Label.ForeColor = AccuracyColor;
        plot.Axes.Left.TickLabelStyle.ForeColor = AccuracyColor;
        plot.Axes.Left.TickGenerator = new ScottPlot.TickGenerators.NumericAutomatic { LabelFormatter = value => $"{value:0.#} %" };
        if (epochs.Any(epoch => epoch.Epsilon is not null))
            Draw(plot, plot.Axes.Right, $"epsilon (delta = {delta:0.###e0})", EpsilonColor, epochs, epoch => epoch.Epsilon ?? double.NaN);

        SetLimits(plot, epochs);
        plot.Grid.MajorLineColor = Colors.Black.WithAlpha(0.08);
        plot.Axes.Top.FrameLineStyle.IsVisible = false;
        plot.Legend.Alignment = Alignment.LowerRight;
        plot.Legend.FontSize = 14;
        plot.Legend.OutlineColor = Colors.Black.WithAlpha(0.2);
        plot.ShowLegend();
        plot.Font.Set(PlotFont.Name);
        plot.SavePng(path, 960, 600);
    }

    private static void Draw(
        Plot plot, IYAxis axis, string name, Color color, IReadOnlyList<EpochResult> epochs, Func<EpochResult, double> value)
    {
        var line = plot.Add.Scatter(epochs.Select(epoch => epoch.Epochs).ToArray(), epochs.Select(value).ToArray(), color);
        line.Axes.YAxis = axis;
        line.LegendText = name;
        line.LineWidth = 2.5f;
        line.MarkerSize = epochs.Count > 40 ? 0 : 9;
        axis.Label.Text = name;
        axis.Label.FontSize = 15;
        axis.Label.ForeColor = color;
        axis.TickLabelStyle.ForeColor = color;
    }

    private static void SetLimits(Plot plot, IReadOnlyList<EpochResult> epochs)
    {
        if (epochs.Count == 0)
            return;
        var last = Math.Max(epochs[^1].Epochs, 0.01);
        plot.Axes.Bottom.TickGenerator = new ScottPlot.TickGenerators.NumericAutomatic { IntegerTicksOnly = last >= 1 };
        plot.Axes.SetLimitsX(0, last * 1.05);
        // Up to 100 %, and down far enough that the first point is not on the edge.
        var lowest = 100 * epochs.Min(epoch => Math.Min(epoch.TestAccuracy, epoch.AverageTestAccuracy));
        plot.Axes.SetLimitsY(Math.Max(0, Math.Floor((lowest - 2) / 5) * 5), 100, plot.Axes.Left);
        if (epochs.Max(epoch => epoch.Epsilon) is { } highest)
            plot.Axes.SetLimitsY(0, Math.Max(highest, 1e-3) * 1.25, plot.Axes.Right);
    }
}
