namespace DpSgd.Accounting;

/// <summary>Roots of increasing functions, from the side on which they are not negative.</summary>
internal static class MonotoneRoot
{
    /// <summary>
    /// The least argument, to the last few places, at which an increasing function is at least zero: regula falsi in the
    /// Illinois form, with bisection when it stalls.
    /// </summary>
    /// <param name="function">An increasing function.</param>
    /// <param name="low">Where it is negative.</param>
    /// <param name="high">Where it is not.</param>
    /// <param name="tolerance">Relative width of the last bracket.</param>
    public static double Above(Func<double, double> function, double low, double high, double tolerance = 4e-16)
    {
        var (atLow, atHigh) = (function(low), function(high));
        var last = 0;
        for (var i = 0; i < 300 && high - low > tolerance * high && high > double.BitIncrement(low); i++)
        {
            // Every fourth step halves: a function that is flat on one side cannot hold up the search.
            var middle = i % 4 != 3 && double.IsFinite(atLow) && atHigh > 0
                ? low + (high - low) * (-atLow / (atHigh - atLow))
                : 0.5 * (low + high);
            if (!(middle > low && middle < high))
                middle = 0.5 * (low + high);
            var value = function(middle);
            if (value >= 0)
            {
                (high, atHigh) = (middle, value);
                if (last > 0)
                    atLow /= 2;
                last = 1;
            }
            else
            {
                (low, atLow) = (middle, value);
                if (last < 0)
                    atHigh /= 2;
                last = -1;
            }
        }

        return high;
    }
}
