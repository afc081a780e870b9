namespace DpSgd.Accounting;

/// <summary>
/// Several Gaussian mechanisms on the same sample are one: releasing sums with noise multipliers sigma_i is as
/// informative as releasing one with <c>(sum of sigma_i^-2)^(-1/2)</c>, because the mean weighted by sigma_i^-2 is a
/// sufficient statistic. This holds when later mechanisms are chosen after seeing earlier results, as long as their
/// noise multipliers are not. Sampling must not be redone in between.
/// </summary>
internal static class SameSampleGaussians
{
    /// <summary>The noise multiplier of the one mechanism, when the event is made of nothing but Gaussian mechanisms.</summary>
    /// <param name="dpEvent">A Gaussian mechanism, or a composition, however nested; doing nothing, or releasing everything, may be part of it.</param>
    /// <param name="noiseMultiplier">Noise multiplier in [0, infinity]; zero when something was released as it is.</param>
    /// <returns>Whether it is made of nothing else.</returns>
    public static bool TryCollapse(DpEvent dpEvent, out double noiseMultiplier)
    {
        noiseMultiplier = double.PositiveInfinity;
        var parts = new List<(double, long)>();
        foreach (var (part, count) in EventLedger.TakeApart(dpEvent, 1))
        {
            if (!TryNoiseMultiplier(part, out var sigma))
                return false;
            parts.Add((sigma, count));
        }

        noiseMultiplier = Collapse(parts);
        return true;
    }

    /// <summary>The noise multiplier of the one mechanism.</summary>
    /// <param name="parts">Noise multipliers in [0, infinity], and how often each.</param>
    public static double Collapse(IEnumerable<(double NoiseMultiplier, long Count)> parts)
    {
        // Sums of sigma_i^-2, each relative to the smallest sigma so that neither huge nor tiny ones are lost.
        var (smallest, precision) = (double.PositiveInfinity, 0.0);
        foreach (var (sigma, count) in parts)
        {
            if (double.IsPositiveInfinity(sigma))
                continue;
            if (sigma < smallest)
            {
                precision *= Square(sigma / smallest);
                smallest = sigma;
            }

            precision += count * Square(sigma == 0 ? 1 : smallest / sigma);
        }

        return precision > 0 ? smallest / Math.Sqrt(precision) : smallest;
    }

    private static bool TryNoiseMultiplier(DpEvent dpEvent, out double noiseMultiplier)
    {
        noiseMultiplier = dpEvent switch
        {
            GaussianDpEvent gaussian => gaussian.NoiseMultiplier,
            NoOpDpEvent => double.PositiveInfinity,
            NonPrivateDpEvent => 0,
            _ => double.NaN,
        };
        return !double.IsNaN(noiseMultiplier);
    }

    private static double Square(double x) => x * x;
}
