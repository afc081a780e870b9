using System.Numerics;

namespace DpSgd.Accounting;

/// <summary>
/// Composes losses under exponential tilts and asks for epsilon and delta (Koskela, Jälkö, Honkela, "Computing Tight
/// Differential Privacy Guarantees Using FFT", arXiv:1906.03049, with the tilt of large deviation theory). Every result
/// is a bound: what the grid, the windows and the rounding do wrong is added to delta, or taken from it.
/// </summary>
/// <param name="pairs">Dominating pairs, and how often each was composed; at least one.</param>
/// <param name="interval">The widest grid that is wanted.</param>
/// <param name="gridError">The part of epsilon that the grid may cost.</param>
internal sealed class LossComposition(
    IReadOnlyList<(DominatingPair Pair, long Count)> pairs, double interval, double gridError = GridInterval.FineError)
{
    // Mass that is cut off from every step, relative to delta and shared by all steps: e^-22.
    private const double Cut = 22;
    private const double NegligibleCut = 1e-7;

    // Smaller probabilities cannot be written down.
    private const double LogSmallest = -690;

    private readonly bool _isSymmetric = pairs.All(part => part.Pair.IsSymmetric);
    private readonly double _steps = pairs.Sum(part => (double)part.Count);
    private readonly (double P, double Q) _infinite = (
        Infinite(pairs, pair => pair.InfiniteMass), Infinite(pairs, pair => pair.InfiniteMassOfQ));
    private readonly double _largestLoss = pairs.Sum(part => part.Count * part.Pair.LargestLoss);
    private readonly double _smallestLoss = pairs.Sum(part => part.Count * part.Pair.SmallestLoss);

    // Nothing but what is infinite tells the two sides apart, and no grid is needed.
    private bool HasNoLoss => _largestLoss <= 0 && _smallestLoss >= 0;

    /// <summary>A bound on the least epsilon for a delta.</summary>
    /// <param name="delta">In [0, 1).</param>
    /// <param name="bound">Which.</param>
    public double Epsilon(double delta, Bound bound)
    {
        var infinite = Math.Max(_infinite.P, _infinite.Q);
        if (infinite > 0 && infinite >= delta)
            return double.PositiveInfinity;
        if (delta == 0 || HasNoLoss)
            return Math.Max(0, Math.Max(_largestLoss, -_smallestLoss));
        if (bound == Bound.Lower)
            return EpsilonInWindows(delta, bound, useUpperParts: false).Epsilon;

        // The upper part of a window is nearly always enough, and half the work.
        var (epsilon, isCut) = EpsilonInWindows(delta, bound, useUpperParts: true);
        return isCut ? EpsilonInWindows(delta, bound, useUpperParts: false).Epsilon : epsilon;
    }

    /// <summary>A bound on the least delta for an epsilon.</summary>
    /// <param name="epsilon">At least zero, and finite.</param>
    /// <param name="bound">Which.</param>
    public double Delta(double epsilon, Bound bound)
    {
        if (HasNoLoss)
            return Math.Max(_infinite.P, _infinite.Q);
        // Only where no loss is larger may it be zero: else it is small, even where a double cannot say how small.
        var least = bound == Bound.Upper ? double.Epsilon : 0;
        var rough = new LossSketch(pairs, LogNeglected(-100));
        var logDelta = Math.Max(LogDelta(1), LogDelta(-1));
        while (true)
        {
            var logNeglected = LogNeglected(logDelta);
            var composed = Compose(
                sketch => [TiltedWindow.ForEpsilon(sketch, 1, epsilon), TiltedWindow.ForEpsilon(sketch, _isSymmetric ? 1 : -1, epsilon)],
                logNeglected,
                bound);
            var delta = epsilon >= _largestLoss ? _infinite.P : composed.P.Infinite + Math.Max(least, composed.P.Mass.Delta(epsilon));
            var cut = composed.P.Infinite - _infinite.P;
            if (!_isSymmetric)
            {
                delta = Math.Max(delta, epsilon >= -_smallestLoss ? _infinite.Q : composed.Q.Infinite + Math.Max(least, composed.Q.Mass.Delta(epsilon)));
                cut = Math.Max(cut, composed.Q.Infinite - _infinite.Q);
            }

            // The sketch may be wrong about delta; then more was cut off from the steps than is negligible.
            if (cut <= NegligibleCut * delta || logNeglected == LogSmallest)
                return Math.Clamp(delta, 0, 1);
            logDelta -= 4 * Cut;
        }

        // Beyond the losses of the sketch it knows nothing but that delta is very small.
        double LogDelta(int sign) => epsilon >= (sign > 0 ? rough.LargestLoss : -rough.SmallestLoss)
            ? LogSmallest
            : Math.Min(0, TiltedWindow.ForEpsilon(rough, sign, epsilon).LogDelta);
    }

    private (double Epsilon, bool IsCut) EpsilonInWindows(double delta, Bound bound, bool useUpperParts, bool mayBeOneSided = true)
    {
        var isOneSided = false;
        var composed = Compose(Windows, LogNeglected(Math.Log(delta)), bound);
        var p = Side(composed.P, _largestLoss);
        if (_isSymmetric)
            return p;
        if (isOneSided && (bound == Bound.Lower || p.Epsilon >= -_smallestLoss || p.IsCut))
            return p;

        // The largest loss of Q would decide, and its distribution may say less.
        if (isOneSided)
            return EpsilonInWindows(delta, bound, useUpperParts, mayBeOneSided: false);
        var q = Side(composed.Q, -_smallestLoss);
        return (Math.Max(p.Epsilon, q.Epsilon), p.IsCut || q.IsCut);

        TiltedWindow[] Windows(LossSketch sketch)
        {
            TiltedWindow[] windows = [
                TiltedWindow.ForDelta(sketch, 1, delta - _infinite.P),
                TiltedWindow.ForDelta(sketch, -1, delta - _infinite.Q)];
            if (useUpperParts)
                windows = Array.ConvertAll(windows, window => window.UpperPart());

            // Where the loss of Q over P never gets as large as epsilon, its largest value is as good as its distribution.
            isOneSided = mayBeOneSided && _infinite.Q == 0 && -_smallestLoss < windows[0].Middle - windows[0].Deviation;
            if (isOneSided || _isSymmetric)
                windows[1] = windows[0];
            return windows;
        }

        (double Epsilon, bool IsCut) Side((TiltedMass Mass, double Infinite) side, double largestLoss)
        {
            // What was cut off from the steps has been moved to infinity; if that is too much, no epsilon is known.
            if (side.Infinite >= delta)
                return (double.PositiveInfinity, false);
            var epsilon = side.Mass.Epsilon(delta - side.Infinite, Math.Max(0, largestLoss));
            return (epsilon, useUpperParts && epsilon > 0 && epsilon == side.Mass.LowestLoss);
        }
    }

    // Probability that at least one of all steps does what cannot happen on the other side.
    private static double Infinite<T>(IEnumerable<(T Loss, long Count)> parts, Func<T, double> mass) =>
        -Elementary.Expm1(parts.Sum(part => part.Count * Elementary.Log1p(-Math.Min(1, mass(part.Loss)))));

    private double LogNeglected(double logDelta) => Math.Max(logDelta - Cut - Math.Log(_steps), LogSmallest);

    private ((TiltedMass Mass, double Infinite) P, (TiltedMass Mass, double Infinite) Q) Compose(
        Func<LossSketch, TiltedWindow[]> place, double logNeglected, Bound bound)
    {
        var sketch = new LossSketch(pairs, logNeglected);
        var windows = place(sketch);
        if (windows.Any(IsLost))
            return Unknown();
        var h = GridInterval.For(pairs, windows, logNeglected, interval, gridError, bound);
        var grids = pairs.Select(part => (
            Grid: bound == Bound.Upper ? GridRounding.Above(part.Pair, h, logNeglected) : GridRounding.Below(part.Pair, h, logNeglected),
            part.Count)).ToArray();

        // On a grid that is coarse against its losses nothing may be left of a lower bound.
        if (grids.Any(part => part.Grid.IsEmpty))
            return ((TiltedMass.Nothing, 0), (TiltedMass.Nothing, 0));
        if (bound == Bound.Upper && windows.Any(LooksDifferent))
        {
            sketch = new LossSketch(grids);
            windows = place(sketch);
            if (windows.Any(IsLost))
                return Unknown();
        }

        // A window that is too wide is cut, and pays for what it misses.
        var points = Math.Min(windows.Max(window => (window.High - window.Low) / h) + 4, GridInterval.MostPoints);
        var length = (int)BitOperations.RoundUpToPowerOf2((uint)points);
        var convolution = new TiltedConvolution(length, _steps);
        Int128 offset = 0;
        var shift = grids.Sum(part => part.Count * part.Grid.Shift);
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

            convolution.Add(
                grid, (windows[0].TiltOfP, single[0]), (windows[1].TiltOfP, single[1]), count, isLast: part == grids.Length - 1);
            offset += (Int128)grid.First * count;
        }

        var (sumOfP, sumOfQ) = (convolution.OfP(windows[0].Tilt * h), convolution.OfQ(windows[1].Tilt * h));
        if (!double.IsFinite(sumOfP.Rounding + sumOfQ.Rounding + logMoments.Sum()))
            return Unknown();
        return (
            (Side(sumOfP, 0), Infinite(grids, grid => grid.InfiniteMass)),
            (Side(sumOfQ, 1), Infinite(grids, grid => grid.InfiniteMassOfQ)));

        // After absurdly many steps the sketch's moments are no numbers any more, and nothing is known.
        static bool IsLost(TiltedWindow window) => !(window.High >= window.Low && double.IsFinite(window.High - window.Low));

        ((TiltedMass, double), (TiltedMass, double)) Unknown()
        {
            var infinite = bound == Bound.Upper ? 1.0 : 0.0;
            return ((TiltedMass.Nothing, infinite), (TiltedMass.Nothing, infinite));
        }

        // A coarse grid can be far from what was sketched, many times over after many steps.
        bool LooksDifferent(TiltedWindow window) => Math.Abs(grids.Select((grid, part) =>
        {
            var sketched = sketch.LogMoment(part, window.TiltOfP);
            return grid.Count * (grid.Grid.LogMoment(window.TiltOfP, sketched) - sketched);
        }).Sum()) > 1;

        TiltedMass Side((double[] Circle, double Rounding) sum, int side)
        {
            var window = windows[side];
            var origin = window.Sign * shift;
            var low = (Int128)Math.Floor((window.Low - origin) / h) - 1;
            var start = (int)((window.Sign * low - offset) & (length - 1));
            var mass = new CircularMass(sum.Circle, start, window.Sign);

            // What lies outside of the points came in at the other end. In an upper bound that does no harm, but it is
            // missing where it belongs; a lower bound must lose all of it.
            var above = Outside(window, window.HighTilt, origin + (double)(low + length) * h, logMoments[side]);
            var below = Outside(window, window.LowTilt, origin + (double)(low - 1) * h, logMoments[side]);
            var reach = Math.Min(-Elementary.Expm1(-length * h), 1 / (1 + window.Tilt));
            return bound == Bound.Upper
                ? new TiltedMass(mass, (double)low + origin / h, h, window.Tilt, logMoments[side], sum.Rounding * reach + above, below)
                : new TiltedMass(mass, (double)low + origin / h, h, window.Tilt, logMoments[side], -(sum.Rounding * reach + above + below), 0);
        }

        // Chernoff's bound of the tilted mass beyond a loss, on the grid itself.
        double Outside(TiltedWindow window, double tilt, double loss, double logMoment)
        {
            var tiltOfP = window.Sign > 0 ? tilt : -1 - tilt;
            var there = 0.0;
            for (var part = 0; part < grids.Length; part++)
                there += grids[part].Count * grids[part].Grid.LogMoment(tiltOfP, sketch.LogMoment(part, tiltOfP));
            var logOutside = there - logMoment - (tilt - window.Tilt) * loss;
            return logOutside < 0 ? Math.Exp(logOutside) : 1;
        }
    }
}
