namespace DpSgd.Accounting;

/// <summary>
/// Finds where a slack, increasing in a positive argument, stops being negative. Each question is dear, so that the search
/// starts from a rough answer where there is one, follows the secant in logarithms, which is nearly straight, and steps over
/// the root on purpose to close the bracket.
/// </summary>
internal static class LogSearch
{
    // Width of the last bracket, relative to the argument.
    private const double Tolerance = 1e-7;

    // The same for rough slacks, which are wrong by more than that.
    private const double RoughTolerance = 1e-4;

    // Nobody needs less, and arguments above the other are taken for infinity.
    private const double Smallest = 1e-150;
    private const double Largest = 1e18;

    /// <summary>The least argument whose slack is not negative, to one part in ten million and never below it.</summary>
    /// <param name="slack">An increasing function; it may jump, or be infinite.</param>
    /// <param name="rough">About the same function, quickly, where there is one. Nothing but speed depends on it.</param>
    /// <param name="guess">Positive.</param>
    /// <returns>
    /// Zero when even that will do, or the smallest argument that was asked for when all positive ones seem to; null when none.
    /// </returns>
    public static double? Least(Func<double, double> slack, Func<double, double>? rough, double guess)
    {
        var (low, high) = Bracket(slack, StartAt(rough, Math.Log(guess)), Tolerance);
        if (double.IsPositiveInfinity(high))
            return slack(high) >= 0 ? LeastAboveAll(slack) : null;
        return double.IsNegativeInfinity(low) && slack(0) >= 0 ? 0 : Math.Exp(high);
    }

    /// <summary>Where to begin, how steep the slack is there, and by how much to step over the root.</summary>
    private static (double X, double Slope, double Stride) StartAt(Func<double, double>? rough, double guess)
    {
        const double Distance = 1e-3;
        var start = (guess, Slope: 1.0, Stride: 0.02);
        if (rough is null)
            return start;
        var (low, high) = Bracket(rough, start, RoughTolerance);
        if (!double.IsFinite(low) || !double.IsFinite(high))
            return start;
        var slope = (rough(Math.Exp(high + Distance)) - rough(Math.Exp(high - Distance))) / (2 * Distance);
        return double.IsFinite(slope) && slope > 0.1 ? (high, slope, 0.4 * Tolerance) : start;
    }

    /// <summary>
    /// Logarithms of two arguments between which the root is; infinite at one end when it is beyond all arguments of interest.
    /// </summary>
    private static (double Low, double High) Bracket(Func<double, double> slack, (double X, double Slope, double Stride) start, double tolerance)
    {
        var (low, high) = (double.NegativeInfinity, double.PositiveInfinity);
        var (atLow, atHigh) = (double.NaN, double.NaN);

        // Outwards, until the root is between two arguments: as far as the slope says and a little farther.
        var (x, slope, stride) = start;
        var (lastX, last) = (double.NaN, double.NaN);
        for (; double.IsInfinity(low) || double.IsInfinity(high); stride *= 3)
        {
            if (x > Math.Log(Largest) || x < Math.Log(Smallest))
                return (low, high);
            var value = slack(Math.Exp(x));
            var secant = (value - last) / (x - lastX);
            if (secant > 0.1 && double.IsFinite(secant))
                slope = secant;
            (lastX, last) = (x, value);
            var step = double.IsFinite(value) ? Math.Abs(value) / slope + stride : 30 * stride;
            if (value >= 0)
                (high, atHigh, x) = (x, value, x - step);
            else
                (low, atLow, x) = (x, value, x + step);
        }

        var lastSide = 0;
        for (var i = 0; high - low > tolerance; i++)
        {
            var middle = 0.5 * (low + high);
            if (double.IsFinite(atLow) && double.IsFinite(atHigh) && i % 6 != 5)
            {
                // A little beyond the secant, towards the far end: if the root is where it seems, both ends come close.
                var secant = low - atLow * (high - low) / (atHigh - atLow);
                middle = secant - low < high - secant ? secant + 0.4 * tolerance : secant - 0.4 * tolerance;
            }

            middle = Math.Clamp(middle, low + 0.3 * tolerance, high - 0.3 * tolerance);
            var value = slack(Math.Exp(middle));
            if (value >= 0)
            {
                (high, atHigh) = (middle, value);
                atLow = lastSide > 0 ? atLow / 2 : atLow;
                lastSide = 1;
            }
            else
            {
                (low, atLow) = (middle, value);
                atHigh = lastSide < 0 ? atHigh / 2 : atHigh;
                lastSide = -1;
            }
        }

        return (low, high);
    }

    // No finite argument is known to do, however large; infinity is the answer then.
    private static double LeastAboveAll(Func<double, double> slack) =>
        slack(double.MaxValue) >= 0 ? double.MaxValue : double.PositiveInfinity;
}
