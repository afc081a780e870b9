using System.Globalization;
using ScottPlot;
using ScottPlot.Panels;
using ScottPlot.TickGenerators;

namespace DpSgd.Cli.Plotting;

/// <summary>One line of a picture.</summary>
/// <param name="Label">For the legend; null when there is nothing to tell apart.</param>
/// <param name="Color">Which colour, from zero.</param>
/// <param name="Pattern">Which pattern of dashes, from zero.</param>
/// <param name="X">Along the axis.</param>
/// <param name="Epsilon">As many; infinite ones are left out.</param>
internal sealed record PictureLine(string? Label, int Color, int Pattern, double[] X, double[] Epsilon);

/// <summary>Draws epsilon against something.</summary>
internal sealed class Picture : IDisposable
{
    /// <summary>More could not be told apart.</summary>
    public const int MostColors = 8;

    /// <inheritdoc cref="MostColors"/>
    public const int MostPatterns = 4;

    private static readonly Color Ink = Color.FromHex("#2b2b2b");
    private static readonly Color PaleInk = Color.FromHex("#6b6b6b");

    private static readonly Color[] Palette =
        [.. new[] { "#1f5fa8", "#d1611b", "#2b8a57", "#8b4aa3", "#b8860b", "#c2395f", "#3b93a8", "#6b6b6b" }.Select(Color.FromHex)];

    private static readonly LinePattern[] Patterns = [LinePattern.Solid, LinePattern.Dashed, LinePattern.Dotted, LinePattern.DenselyDashed];

    private readonly Plot _plot = new();
    private readonly bool _logX;
    private readonly bool _logY;

    /// <param name="title">Above all.</param>
    /// <param name="subtitle">What all lines share.</param>
    /// <param name="axis">What epsilon is shown against.</param>
    /// <param name="lines">At least one, with at least one finite epsilon.</param>
    public Picture(string title, string subtitle, PlotAxis axis, IReadOnlyList<PictureLine> lines)
    {
        PlotFont.Register();
        var finite = lines.SelectMany(line => line.X.Zip(line.Epsilon)).Where(point => double.IsFinite(point.Second)).ToList();
        var (first, last) = (finite.Min(point => point.First), finite.Max(point => point.First));
        var (least, most) = (finite.Min(point => point.Second), finite.Max(point => point.Second));
        _logX = axis == PlotAxis.BatchSize && first > 0 && last > 8 * first;
        _logY = axis != PlotAxis.Steps && least > 0 && most > 12 * least;

        foreach (var line in lines.OrderByDescending(line => line.Epsilon[^1]))
            Draw(line);
        SetAxes(axis, first, last, least, most);
        Decorate(title, subtitle, lines.Any(line => line.Label is not null));
    }

    /// <inheritdoc/>
    public void Dispose() => _plot.Dispose();

    /// <summary>Writes a file; its name decides whether as PNG or SVG.</summary>
    public void Write(string path, int width, int height)
    {
        if (Path.GetExtension(path).Equals(".svg", StringComparison.OrdinalIgnoreCase))
            File.WriteAllText(path, _plot.GetSvgXml(width, height));
        else
            File.WriteAllBytes(path, _plot.GetImageBytes(width, height, ImageFormat.Png));
    }

    private void Draw(PictureLine line)
    {
        var points = line.X.Zip(line.Epsilon).Where(point => double.IsFinite(point.Second) && (!_logY || point.Second > 0)).ToList();
        var scatter = _plot.Add.ScatterLine(
            points.Select(point => _logX ? Math.Log10(point.First) : point.First).ToArray(),
            points.Select(point => _logY ? Math.Log10(point.Second) : point.Second).ToArray(),
            Palette[line.Color]);
        scatter.LineWidth = 2.5f;
        scatter.LinePattern = Patterns[line.Pattern];
        scatter.LegendText = line.Label ?? "";
        // A line of one point has no length.
        if (points.Count == 1)
            (scatter.MarkerShape, scatter.MarkerSize) = (MarkerShape.FilledCircle, 9);
    }

    private void SetAxes(PlotAxis axis, double first, double last, double least, double most)
    {
        var (left, right) = _logX ? (Math.Log10(first), Math.Log10(last)) : (first, last);
        if (axis == PlotAxis.Steps)
            left = 0;
        var gap = right > left ? 0.02 * (right - left) : 0.5;
        _plot.Axes.SetLimitsX(axis == PlotAxis.Steps ? 0 : left - gap, right + gap);
        _plot.Axes.Bottom.TickGenerator = _logX ? LogTicks.Between(left - gap, right + gap) : Numbers();
        _plot.Axes.Bottom.Label.Text = axis.InWords();
        if (_logY)
        {
            var (low, high) = (Math.Log10(least), Math.Log10(most));
            _plot.Axes.SetLimitsY(low - 0.05 * (high - low), high + 0.05 * (high - low));
            _plot.Axes.Left.TickGenerator = LogTicks.Between(low - 0.05 * (high - low), high + 0.05 * (high - low));
        }
        else
        {
            _plot.Axes.SetLimitsY(0, most > 0 ? 1.08 * most : 1);
            _plot.Axes.Left.TickGenerator = Numbers();
        }

        _plot.Axes.Left.Label.Text = "epsilon";
    }

    private void Decorate(string title, string subtitle, bool hasLegend)
    {
        // The built-in title is the outer of two panels; axis labels stand at the very edge if they are not moved.
        Write(_plot.Axes.Title, title, 20, Ink, 46);
        var inner = new TitlePanel();
        Write(inner, subtitle, 14, PaleInk, 24);
        _plot.Axes.AddPanel(inner);
        _plot.Axes.Left.MinimumSize = 78;
        _plot.Axes.Left.Label.OffsetX = 14;
        _plot.Axes.Bottom.MinimumSize = 62;
        _plot.Axes.Bottom.Label.OffsetY = -10;
        _plot.Axes.Right.MinimumSize = 24;
        foreach (var axis in new IAxis[] { _plot.Axes.Bottom, _plot.Axes.Left })
        {
            axis.Label.FontSize = 16;
            axis.Label.Bold = false;
            axis.Label.ForeColor = Ink;
            axis.TickLabelStyle.FontSize = 14;
            axis.TickLabelStyle.ForeColor = Ink;
            axis.FrameLineStyle.Color = PaleInk;
            axis.MajorTickStyle.Color = PaleInk;
            axis.MinorTickStyle.Length = 0;
        }

        _plot.Axes.Top.FrameLineStyle.IsVisible = false;
        _plot.Axes.Right.FrameLineStyle.IsVisible = false;
        _plot.Grid.MajorLineColor = Colors.Black.WithAlpha(0.09);
        if (hasLegend)
        {
            _plot.Legend.FontSize = 14;
            _plot.Legend.FontColor = Ink;
            _plot.Legend.OutlineWidth = 0;
            _plot.Legend.ShadowColor = Colors.Transparent;
            _plot.Legend.SymbolWidth = 34;
            _plot.ShowLegend(Edge.Right).Alignment = Alignment.UpperLeft;
        }

        _plot.Font.Set(PlotFont.Name);
    }

    private static void Write(TitlePanel panel, string text, float size, Color color, float height)
    {
        panel.Label.Text = text;
        panel.Label.FontName = PlotFont.Name;
        panel.Label.FontSize = size;
        panel.Label.ForeColor = color;
        panel.Label.Bold = false;
        panel.MinimumSize = height;
    }

    private static NumericAutomatic Numbers() => new() { TickDensity = 0.6, LabelFormatter = Number };

    private static string Number(double value) => value.ToString("#,0.######", CultureInfo.InvariantCulture);
}
