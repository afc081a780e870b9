using System.Numerics;

namespace DpSgd.Accounting;

/// <summary>
/// Composes losses under exponential tilts and asks for epsilon and delta (Koskela, Jälkö, Honkela, "Computing Tight
/// Differential Privacy Guarantees Using FFT", arXiv:1906.03049, with the tilt of large deviation theory). Every result
/// is a bound: what the grid, the windows and the rounding do wrong is added to delta, or taken from it.
/// </summary>
/// <param name="pairs">Dominating pairs, and how often each was composed; at least one.</param>
/// <param name="interval">The widest grid that is wanted.</param>
internal sealed class LossComposition(IReadOnlyList<(DominatingPair Pair, long Count)> pairs, double interval)
{
    /// <summary>Which side of the truth a result lies on.</summary>
    public enum Bound
    {
        /// <summary>A guarantee.</summary>
        Upper,

        /// <summary>No guarantee can be better than this.</summary>
        Lower,
    }

    // The grid becomes finer than was asked for until it costs no more than this part of epsilon; but not beyond so many
    // points.
    private const double GridError = 4e-6;
    private const double AffordablePoints = 1 << 20;

    // Never more points than this, about 200 MB: then the grid becomes coarser than was asked for.
    private const double MostPoints = 1 << 21;

    // Mass that is cut off from every step, relative to delta and shared by all steps: e^-22.
    private const double Cut = 22;

    // Smaller probabilities cannot be written down.
    private const double LogSmallest = -690;

    private readonly double _steps = pairs.Sum(part => (double)part.Count);
    private readonly double _largestLoss = pairs.Sum(part => part.Count * part.Pair.LargestLoss);
    private readonly double _smallestLoss = pairs.Sum(part => part.Count * part.Pair.SmallestLoss);

    /// <summary>A bound on the least epsilon for a delta.</summary>
    /// <param name="delta">In (0, 1).</param>
    /// <param name="bound">Which.</param>
    public double Epsilon(double delta, Bound bound)
    {
        var infinite = (P: Infinite(pair => pair.InfiniteMass), Q: Infinite(pair => pair.InfiniteMassOfQ));
        if (Math.Max(infinite.P, infinite.Q) >= delta)
            return double.PositiveInfinity;

        var logNeglected = LogNeglected(Math.Log(delta));
        var sketch = new LossSketch(pairs, logNeglected);
        TiltedWindow[] windows = [TiltedWindow.ForDelta(sketch, 1, delta - infinite.P), TiltedWindow.ForDelta(sketch, -1, delta - infinite.Q)];
        if (bound == Bound.Upper)
            windows = Array.ConvertAll(windows, window => window.UpperPart());

        // Where the loss of Q over P never gets as large as epsilon, its largest value is as good as its distribution.
        var isOneSided = infinite.Q == 0 && -_smallestLoss < windows[0].Middle - windows[0].Deviation;
        if (isOneSided)
            windows[1] = windows[0];
        var composed = Compose(sketch, windows, logNeglected, bound);
        var epsilon = Epsilon(composed.P, delta, _largestLoss);
        return !isOneSided ? Math.Max(epsilon, Epsilon(composed.Q, delta, -_smallestLoss))
            : bound == Bound.Upper ? Math.Max(epsilon, -_smallestLoss)
            : epsilon;
    }

    /// <summary>A bound on the least delta for an epsilon.</summary>
    /// <param name="epsilon">At least zero, and finite.</param>
    /// <param name="bound">Which.</param>
    public double Delta(double epsilon, Bound bound)
    {
        var rough = new LossSketch(pairs, LogNeglected(-100));
        var logDelta = Math.Max(
            TiltedWindow.ForEpsilon(rough, 1, epsilon).LogDelta,
            TiltedWindow.ForEpsilon(rough, -1, epsilon).LogDelta);
        while (true)
        {
            // The sketch may be wrong about delta; then more was cut off from the steps than is negligible.
            var logNeglected = LogNeglected(Math.Min(0, logDelta));
            var sketch = new LossSketch(pairs, logNeglected);
            TiltedWindow[] windows = [TiltedWindow.ForEpsilon(sketch, 1, epsilon), TiltedWindow.ForEpsilon(sketch, -1, epsilon)];
            var composed = Compose(sketch, windows, logNeglected, bound);
            var delta = Math.Max(Delta(composed.P, epsilon, _largestLoss), Delta(composed.Q, epsilon, -_smallestLoss));
            if (Math.Log(delta) >= logDelta - Cut / 2 || logNeglected == LogSmallest)
                return Math.Clamp(delta, 0, 1);
            logDelta -= Cut;
        }
    }

    private static double Epsilon((TiltedMass Mass, double Infinite) side, double delta, double largestLoss)
    {
        if (side.Infinite >= delta)
            return double.PositiveInfinity;

        // What was cut off from the steps has been moved to infinity; only what is truly infinite has no largest loss.
        return side.Mass.Epsilon(delta - side.Infinite, Math.Max(0, largestLoss));
    }

    private static double Delta((TiltedMass Mass, double Infinite) side, double epsilon, double largestLoss) =>
        epsilon >= largestLoss ? side.Infinite : Math.Max(0, side.Mass.Delta(epsilon)) + side.Infinite;

    private double Infinite(Func<DominatingPair, double> mass) =>
        -Elementary.Expm1(pairs.Sum(part => part.Count * Elementary.Log1p(-mass(part.Pair))));

    private double LogNeglected(double logDelta) => Math.Max(logDelta - Cut - Math.Log(_steps), LogSmallest);

    private ((TiltedMass Mass, double Infinite) P, (TiltedMass Mass, double Infinite) Q) Compose(
        LossSketch sketch, TiltedWindow[] windows, double logNeglected, Bound bound)
    {
        var h = Interval(windows, logNeglected);
        var grids = pairs.Select(part => (
            Grid: bound == Bound.Upper ? GridLoss.Above(part.Pair, h, logNeglected) : GridLoss.Below(part.Pair, h, logNeglected),
            part.Count)).ToArray();

        var points = windows.Max(window => (window.High - window.Low) / h) + 4;
        var length = (int)BitOperations.RoundUpToPowerOf2((uint)points);
        var convolution = new TiltedConvolution(length, _steps);
        Int128 offset = 0;
        var logMoments = new double[2];
        for (var part = 0; part < grids.Length; part++)
        {
            var (grid, count) = grids[part];
            var single = new double[2];
            for (var side = 0; side < 2; side++)
            {
                var tilt = windows[side].TiltOfP;
                single[side] = grid.LogMoment(tilt, sketch.LogMoment(part, tilt));
                logMoments[side] += count * single[side];
            }

            // On a grid that is coarse against its losses nothing may be left of a lower bound.
            if (!double.IsFinite(single[0] + single[1]))
                return ((TiltedMass.Nothing, 0), (TiltedMass.Nothing, 0));

            convolution.Add(
                grid, (windows[0].TiltOfP, single[0]), (windows[1].TiltOfP, single[1]), count, isLast: part == grids.Length - 1);
            offset += (Int128)grid.First * count;
        }

        return (
            (Side(convolution.OfP, 0), Infinite(grid => grid.InfiniteMass)),
            (Side(convolution.OfQ, 1), Infinite(grid => grid.InfiniteMassOfQ)));

        double Infinite(Func<GridLoss, double> mass) =>
            -Elementary.Expm1(grids.Sum(part => part.Count * Elementary.Log1p(-Math.Min(1, mass(part.Grid)))));

        TiltedMass Side((double[] Circle, double Rounding) sum, int side)
        {
            var window = windows[side];
            var low = (Int128)Math.Floor(window.Low / h) - 1;
            var start = (int)((window.Sign * low - offset) & (length - 1));
            var mass = new CircularMass(sum.Circle, start, window.Sign);

            // What lies outside of the points came in at the other end. In an upper bound that does no harm, but it is
            // missing where it belongs; a lower bound must lose all of it.
            var above = Outside(window, window.HighTilt, (double)(low + length) * h, logMoments[side]);
            var below = Outside(window, window.LowTilt, (double)(low - 1) * h, logMoments[side]);
            var reach = Math.Min(-Elementary.Expm1(-length * h), 1 / (1 + window.Tilt));
            return bound == Bound.Upper
                ? new TiltedMass(mass, (double)low, h, window.Tilt, logMoments[side], sum.Rounding * reach + above, below)
                : new TiltedMass(mass, (double)low, h, window.Tilt, logMoments[side], -(sum.Rounding * reach + above + below), 0);
        }

        // Chernoff's bound of the tilted mass beyond a loss, on the grid itself.
        double Outside(TiltedWindow window, double tilt, double loss, double logMoment)
        {
            var tiltOfP = window.Sign > 0 ? tilt : -1 - tilt;
            var there = 0.0;
            for (var part = 0; part < grids.Length; part++)
                there += grids[part].Count * grids[part].Grid.LogMoment(tiltOfP, sketch.LogMoment(part, tiltOfP));
            return Math.Exp(Math.Min(0, there - logMoment - (tilt - window.Tilt) * loss));
        }
    }

    /// <summary>
    /// The interval: what was asked for, halved until epsilon is accurate, or doubled until the memory suffices. Splitting
    /// a cell adds about h^2 / 6 to the variance of every step, and so (t + 1) h^2 / 12 to epsilon.
    /// </summary>
    private double Interval(TiltedWindow[] windows, double logNeglected)
    {
        var accurate = windows.Min(window =>
            Math.Sqrt(12 * GridError * Math.Max(window.Middle, window.Deviation) / (_steps * (window.Tilt + 1))));
        var width = Math.Max(
            windows.Max(window => window.High - window.Low),
            pairs.Max(part => Width(part.Pair.LossRange(logNeglected))));
        var h = interval;
        while (h > accurate && 2 * width / h <= AffordablePoints)
            h /= 2;
        while (width / h > MostPoints - 8)
            h *= 2;
        return h;

        static double Width((double Smallest, double Largest) range) => range.Largest - range.Smallest;
    }
}
