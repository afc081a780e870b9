namespace DpSgd.Accounting;

/// <summary>
/// What bounds one line of the ledger: a dominating pair, or a case that needs none. Gaussian mechanisms without sampling
/// are kept by their noise, because any number of them is one.
/// </summary>
/// <param name="Pair">The pair, unless another member says it all.</param>
/// <param name="GaussianNoise">Noise over the sensitivity of a Gaussian mechanism without sampling; null for anything else.</param>
/// <param name="IsEverything">Whether nothing is protected.</param>
/// <param name="IsUpperBoundOnly">Whether the event may show less than is said here, so that a lower bound counts it as nothing.</param>
internal readonly record struct LedgerPair(DominatingPair? Pair, double? GaussianNoise, bool IsEverything, bool IsUpperBoundOnly = false)
{
    /// <summary>Nothing was shown.</summary>
    public static LedgerPair Nothing => default;

    /// <summary>Nothing is protected.</summary>
    public static LedgerPair Everything => new(null, null, true);

    /// <summary>
    /// Who is in a sample is not protected without noise, and is not worth computing with almost none: that is a delta as large
    /// as the probability of being in it, whatever the epsilon.
    /// </summary>
    public static LedgerPair EverythingOf(double samplingProbability, double noise) =>
        DiscretePairs.EpsilonDelta(0, samplingProbability) with { IsUpperBoundOnly = noise > 0 };

    /// <summary>A Gaussian mechanism.</summary>
    public static LedgerPair OfGaussian(double noise) => new(null, noise, false);

    /// <summary>Any pair.</summary>
    public static LedgerPair Of(DominatingPair pair) => new(pair, null, false);
}
