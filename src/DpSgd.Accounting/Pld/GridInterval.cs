namespace DpSgd.Accounting;

/// <summary>How far apart the grid points of a composition are.</summary>
internal static class GridInterval
{
    /// <summary>Never more points than this, about 200 MB: then the grid becomes coarser than was asked for.</summary>
    public const double MostPoints = 1 << 21;

    /// <summary>The part of epsilon that a grid may cost.</summary>
    public const double FineError = 4e-6;

    /// <summary>The same where about epsilon is enough, for a sixteenth of the points.</summary>
    public const double RoughError = 1e-3;

    // The grid becomes finer than was asked for until it is accurate, but not beyond so many points.
    private const double AffordablePoints = 1 << 20;

    /// <summary>
    /// What was asked for, made finer until epsilon is accurate, or coarser until the memory suffices. Splitting a cell adds about
    /// h^2 / 6 to the variance of every step, and so (t + 1) h^2 / 12 to epsilon.
    /// </summary>
    /// <param name="pairs">Pairs, and how often each was composed.</param>
    /// <param name="windows">Where the composed loss is looked at.</param>
    /// <param name="logNeglected">Logarithm of the mass of each pair that may be left out.</param>
    /// <param name="widest">What was asked for.</param>
    /// <param name="error">The part of epsilon that the grid may cost.</param>
    /// <param name="bound">A lower bound also needs several points among the losses of those who were not sampled.</param>
    public static double For(
        IReadOnlyList<(DominatingPair Pair, long Count)> pairs, TiltedWindow[] windows, double logNeglected, double widest, double error, Bound bound)
    {
        var steps = pairs.Sum(part => (double)part.Count);
        var accurate = windows.Min(window =>
            Math.Sqrt(12 * error * Math.Max(window.Middle, window.Deviation) / (steps * (window.Tilt + 1))));
        if (bound == Bound.Lower)
        {
            // A pair that never has a negative loss, as that of no more than a delta, needs none.
            accurate = Math.Min(accurate, pairs
                .Where(part => part.Pair.SmallestLoss < 0)
                .Min(part => (double?)-part.Pair.SmallestLoss / 8) ?? accurate);
        }

        var width = Math.Max(
            windows.Max(window => window.High - window.Low),
            pairs.Max(part => Width(part.Pair.LossRange(logNeglected))));

        // In steps of a fourth root of two, so that similar compositions have the same grid.
        var quarters = 0;
        while (H() > accurate && width / H(1) <= AffordablePoints)
            quarters++;
        while (width / H() > MostPoints - 8)
            quarters--;
        return H();

        double H(int more = 0) => widest * Math.Pow(2, -0.25 * (quarters + more));

        static double Width((double Smallest, double Largest) range) => range.Largest - range.Smallest;
    }
}
