namespace DpSgd.Accounting;

/// <summary>Finds the last integer at which a slack, falling in its argument, is not yet negative.</summary>
internal static class IntegerSearch
{
    /// <summary>The largest integer whose slack is not negative, when the one after it has a negative one.</summary>
    /// <param name="slack">A falling function.</param>
    /// <param name="least">The least integer of interest, positive.</param>
    /// <param name="most">The largest.</param>
    /// <returns>Null when already the least has a negative slack.</returns>
    public static long? Most(Func<long, double> slack, long least, long most)
    {
        var (low, atLow) = (least, slack(least));
        if (!(atLow >= 0))
            return null;

        // Epsilon grows at least like the square root of the steps or faster: e^slack times as many will often do.
        var (high, atHigh) = (low, double.NaN);
        while (high < most)
        {
            high = (long)Math.Min(most, Math.Ceiling(low * Math.Clamp(Math.Exp(1.2 * atLow), 2, 1e6)));
            if (high == long.MinValue || high < low)
                high = most;
            atHigh = slack(high);
            if (!(atHigh >= 0))
                break;
            (low, atLow) = (high, atHigh);
        }

        if (low == most)
            return most;
        for (var i = 0; high - low > 1; i++)
        {
            var middle = low + (high - low) / 2;
            if (i % 3 != 2 && double.IsFinite(atLow) && double.IsFinite(atHigh))
            {
                var (x, y) = (Math.Log(low), Math.Log(high));
                middle = (long)Math.Exp(x - atLow * (y - x) / (atHigh - atLow));
                middle += middle - low < high - middle ? 1 : 0;
            }

            middle = Math.Clamp(middle, low + 1, high - 1);
            var value = slack(middle);
            if (value >= 0)
                (low, atLow) = (middle, value);
            else
                (high, atHigh) = (middle, value);
        }

        return low;
    }
}
