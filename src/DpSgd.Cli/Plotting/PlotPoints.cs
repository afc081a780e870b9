namespace DpSgd.Cli.Plotting;

/// <summary>Where along its axis a line is computed.</summary>
internal static class PlotPoints
{
    private const int Count = 80;

    /// <summary>Whole numbers from one to the last, closer together where epsilon, which grows like a root, is steep.</summary>
    public static double[] Roots(long last) => Distinct(i => 1 + (last - 1) * Math.Pow((double)i / Count, 2));

    /// <summary>Whole numbers, equally far apart as ratios.</summary>
    public static double[] WholeRatios(double first, double last) => Distinct(i => first * Math.Pow(last / first, (double)i / Count));

    /// <summary>Numbers equally far apart as ratios.</summary>
    public static double[] Ratios(double first, double last) =>
        [.. Enumerable.Range(0, Count).Select(i => first * Math.Pow(last / first, (double)i / Count)), last];

    private static double[] Distinct(Func<int, double> point) => [.. Enumerable.Range(0, Count + 1).Select(i => Math.Round(point(i))).Distinct()];
}
