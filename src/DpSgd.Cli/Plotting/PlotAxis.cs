namespace DpSgd.Cli.Plotting;

/// <summary>What a plot shows epsilon against.</summary>
internal enum PlotAxis
{
    Steps,
    Noise,
    BatchSize,
}

internal static class PlotAxes
{
    public static readonly (string Word, PlotAxis Value)[] Words =
        [("steps", PlotAxis.Steps), ("noise", PlotAxis.Noise), ("batch-size", PlotAxis.BatchSize)];

    /// <summary>The word that chooses it.</summary>
    public static string Word(this PlotAxis axis) => Words[(int)axis].Word;

    /// <summary>What is written along it.</summary>
    public static string InWords(this PlotAxis axis) => axis switch
    {
        PlotAxis.Steps => "steps",
        PlotAxis.Noise => "noise multiplier",
        _ => "batch size",
    };
}
