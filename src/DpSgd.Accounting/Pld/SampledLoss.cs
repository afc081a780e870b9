namespace DpSgd.Accounting;

/// <summary>What sampling does to a privacy loss: y becomes ln(1 - q + q e^y).</summary>
internal static class SampledLoss
{
    /// <summary>The loss with sampling.</summary>
    /// <param name="unsampled">Loss y without.</param>
    /// <param name="samplingProbability">Probability q, in (0, 1].</param>
    public static double Sampled(double unsampled, double samplingProbability) => unsampled > 30
        ? LogSpace.LogAdd(Elementary.Log1p(-samplingProbability), Math.Log(samplingProbability) + unsampled)
        : Elementary.Log1p(samplingProbability * Elementary.Expm1(unsampled));

    /// <summary>The loss without sampling; negative infinity where sampling never gives so small a loss.</summary>
    /// <param name="sampled">Loss with sampling.</param>
    /// <param name="samplingProbability">Probability q, in (0, 1].</param>
    public static double Unsampled(double sampled, double samplingProbability)
    {
        // Without sampling nothing changes, not even in the last place.
        if (samplingProbability == 1)
            return sampled;
        if (sampled > 30)
            return sampled - Math.Log(samplingProbability) + Elementary.Log1p(-(1 - samplingProbability) * Math.Exp(-sampled));
        var change = Elementary.Expm1(sampled) / samplingProbability;
        return change <= -1 ? double.NegativeInfinity : Elementary.Log1p(change);
    }
}
