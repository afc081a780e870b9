namespace DpSgd.Accounting;

/// <summary>
/// Truncated Poisson sampling (Ganesh, Mckenna, arXiv:2508.15089, section 5.3): unless the batch was truncated, an example
/// is added or removed as in any Poisson sample; when it was, its presence pushed another one out, which is a replacement.
/// </summary>
internal static class TruncatedPoisson
{
    /// <summary>The pair of one step. The larger of two neighbouring data sets has the size that the event says.</summary>
    public static LedgerPair Pair(TruncatedSubsampledGaussianDpEvent step, bool replaceOne)
    {
        var (n, q, most, sigma) = (step.DatasetSize, step.SamplingProbability, step.TruncatedBatchSize, step.NoiseMultiplier);
        if (n == 0 || most == 0)
            return LedgerPair.Nothing;
        var plain = DominatingPairs.Gaussian(q, sigma, replaceOne);
        if (plain.Pair is null && plain.GaussianNoise is null)
            return plain;
        if (sigma < 2 * DominatingPairs.SmallestNoiseOfSample)
            return LedgerPair.EverythingOf(1, sigma);

        // Given that the example is in the sample, the others fill the batch.
        var (tail, longerTail) = (BinomialTail.Above(most, n - 1, q), BinomialTail.Above(most + 1, n, q));
        var truncated = tail ?? 1;
        if (truncated == 0)
            return plain;

        // Given truncation, the example is among those that are kept; for certain when nobody knows.
        var kept = tail is null || longerTail is null ? 1 : Math.Min(1, (1 + 2e-10) * longerTail.Value * most / truncated / n);
        var replaced = PairOf(DominatingPairs.Gaussian(kept, sigma / 2, replaceOne: true), replaceOne: true, sigma / 2);
        return LedgerPair.Of(truncated == 1
            ? replaced
            : new DisclosedMixturePair(truncated, replaced, PairOf(plain, replaceOne, sigma)));
    }

    // Without sampling the pair of a Gaussian mechanism is that of sampling with probability one.
    private static DominatingPair PairOf(LedgerPair pair, bool replaceOne, double sigma) => pair.Pair
        ?? (replaceOne ? new PoissonSampledGaussianReplacementPair(1, sigma) : new PoissonSampledGaussianPair(1, sigma));
}
