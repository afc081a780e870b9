namespace DpSgd.Accounting;

/// <summary>
/// Finds where a slack, increasing in a positive argument, stops being negative. Each question is dear, so that the search
/// starts from a guess, follows the secant in logarithms, which is nearly straight, and steps over the root on purpose to
/// close the bracket.
/// </summary>
internal static class LogSearch
{
    // Width of the last bracket, relative to the argument.
    private const double Tolerance = 1e-7;

    // Nobody needs less, and arguments above the other are taken for infinity.
    private const double Smallest = 1e-150;
    private const double Largest = 1e18;

    /// <summary>The least argument whose slack is not negative, to one part in ten million and never below it.</summary>
    /// <param name="slack">An increasing function; it may jump, or be infinite.</param>
    /// <param name="guess">Positive.</param>
    /// <returns>
    /// Zero when even that will do, or the smallest argument that was asked for when all positive ones seem to; null when none.
    /// </returns>
    public static double? Least(Func<double, double> slack, double guess)
    {
        var (low, high) = (double.NaN, double.NaN);
        var (atLow, atHigh) = (double.NaN, double.NaN);

        // Outwards, until the root is between two arguments. A first step is what a slack proportional to the argument needs.
        var x = Math.Log(guess);
        for (var stride = 0.02; double.IsNaN(low) || double.IsNaN(high); stride *= 3)
        {
            if (x > Math.Log(Largest))
                return slack(double.PositiveInfinity) >= 0 ? LeastAboveAll(slack) : null;
            if (x < Math.Log(Smallest))
                return slack(0) >= 0 ? 0 : Math.Exp(high);
            var value = slack(Math.Exp(x));
            var step = double.IsFinite(value) ? Math.Max(Math.Abs(value), stride) : 30 * stride;
            if (value >= 0)
                (high, atHigh, x) = (x, value, x - step);
            else
                (low, atLow, x) = (x, value, x + step);
        }

        var lastSide = 0;
        for (var i = 0; high - low > Tolerance; i++)
        {
            var middle = 0.5 * (low + high);
            if (double.IsFinite(atLow) && double.IsFinite(atHigh) && i % 6 != 5)
            {
                // A little beyond the secant, towards the far end: if the root is where it seems, both ends come close.
                var secant = low - atLow * (high - low) / (atHigh - atLow);
                middle = secant - low < high - secant ? secant + 0.4 * Tolerance : secant - 0.4 * Tolerance;
            }

            middle = Math.Clamp(middle, low + 0.3 * Tolerance, high - 0.3 * Tolerance);
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

        return Math.Exp(high);
    }

    // No finite argument is known to do, however large; infinity is the answer then.
    private static double LeastAboveAll(Func<double, double> slack) =>
        slack(double.MaxValue) >= 0 ? double.MaxValue : double.PositiveInfinity;
}
