namespace DpSgd.Accounting;

/// <summary>Which pair dominates an event.</summary>
internal static class DominatingPairs
{
    /// <summary>
    /// Below this noise a loss without sampling nears the end of the doubles. Of a sample it is hundreds of thousands, which no
    /// grid can hold beside the small losses of those who are not in it.
    /// </summary>
    public const double SmallestNoise = 1e-50;

    /// <inheritdoc cref="SmallestNoise"/>
    public const double SmallestNoiseOfSample = 1e-3;

    /// <summary>The dominating pair of an event that is no composition.</summary>
    /// <param name="dpEvent">The event.</param>
    /// <param name="relation">What neighbouring means.</param>
    /// <returns>What bounds the event.</returns>
    /// <exception cref="NotSupportedException">No pair is known for the event under the relation.</exception>
    public static LedgerPair Of(DpEvent dpEvent, NeighboringRelation relation)
    {
        var replaceOne = relation == NeighboringRelation.ReplaceOne;
        return dpEvent switch
        {
            NoOpDpEvent => LedgerPair.Nothing,
            NonPrivateDpEvent => LedgerPair.Everything,
            GaussianDpEvent gaussian => Gaussian(1, gaussian.NoiseMultiplier, replaceOne),
            PoissonSampledDpEvent { Event: LaplaceDpEvent laplace } sampled when !replaceOne =>
                Laplace(sampled.SamplingProbability, laplace.NoiseMultiplier),
            PoissonSampledDpEvent sampled when SameSampleGaussians.TryCollapse(sampled.Event, out var sigma) =>
                Gaussian(sampled.SamplingProbability, sigma, replaceOne),
            LaplaceDpEvent laplace => Laplace(1, laplace.NoiseMultiplier / (replaceOne ? 2 : 1)),
            PermuteAndFlipDpEvent flip => Laplace(1, 1 / flip.Epsilon),
            DiscreteLaplaceDpEvent laplace => DiscretePairs.Laplace(laplace.NoiseParameter, laplace.Sensitivity, replaceOne),
            EpsilonDeltaDpEvent known => DiscretePairs.EpsilonDelta(known.Epsilon, known.Delta),
            ExponentialMechanismDpEvent exponential => DiscretePairs.EpsilonDelta(exponential.Epsilon, 0),
            RandomizedResponseDpEvent response when relation != NeighboringRelation.AddOrRemoveOne =>
                DiscretePairs.RandomizedResponse(response.NoiseParameter, response.NumBuckets, replaceOne),
            MixtureOfGaussiansDpEvent mixture when !replaceOne => Mixture(mixture),
            TruncatedSubsampledGaussianDpEvent truncated => TruncatedPoisson.Pair(truncated, replaceOne),
            _ => throw Unsupported.Event(nameof(PldAccountant), dpEvent, relation),
        };
    }

    /// <summary>A Gaussian mechanism on a Poisson sample.</summary>
    /// <param name="samplingProbability">Probability in [0, 1].</param>
    /// <param name="noiseMultiplier">Sigma in [0, infinity].</param>
    /// <param name="replaceOne">Whether an example is replaced, rather than added or removed.</param>
    public static LedgerPair Gaussian(double samplingProbability, double noiseMultiplier, bool replaceOne)
    {
        if (samplingProbability == 0 || double.IsPositiveInfinity(noiseMultiplier))
            return LedgerPair.Nothing;
        if (noiseMultiplier < (samplingProbability == 1 ? SmallestNoise : SmallestNoiseOfSample))
            return LedgerPair.EverythingOf(samplingProbability, noiseMultiplier);
        if (samplingProbability == 1)
            return LedgerPair.OfGaussian(noiseMultiplier / (replaceOne ? 2 : 1));
        return LedgerPair.Of(replaceOne
            ? new PoissonSampledGaussianReplacementPair(samplingProbability, noiseMultiplier)
            : new PoissonSampledGaussianPair(samplingProbability, noiseMultiplier));
    }

    private static LedgerPair Laplace(double samplingProbability, double noiseMultiplier) =>
        samplingProbability == 0 || double.IsPositiveInfinity(noiseMultiplier) ? LedgerPair.Nothing
        : noiseMultiplier < SmallestNoiseOfSample ? LedgerPair.EverythingOf(samplingProbability, noiseMultiplier)
        : LedgerPair.Of(new PoissonSampledLaplacePair(samplingProbability, noiseMultiplier));

    private static LedgerPair Mixture(MixtureOfGaussiansDpEvent mixture)
    {
        // Equal norms are one, and zero is always among them.
        var norms = mixture.Sensitivities.Zip(mixture.SamplingProbabilities)
            .Append((First: 0.0, Second: 0.0))
            .GroupBy(pair => pair.First, pair => pair.Second)
            .Select(group => (Norm: group.Key, Probability: group.Sum()))
            .Where(norm => norm.Norm == 0 || norm.Probability > 0)
            .OrderBy(norm => norm.Norm)
            .ToArray();
        if (norms.Length == 1 || double.IsPositiveInfinity(mixture.StandardDeviation))
            return LedgerPair.Nothing;
        // What the probabilities miss of one, by more than the rounding of their sum, is as bad as can be.
        var missing = 1 - mixture.SamplingProbabilities.Sum();
        if (missing > mixture.SamplingProbabilities.Count * 1e-15)
            norms[^1].Probability += missing;
        if (mixture.StandardDeviation / norms[^1].Norm < SmallestNoiseOfSample)
        {
            var notZero = Math.Max(1 - norms[0].Probability, norms[1..].Sum(norm => norm.Probability));
            return LedgerPair.EverythingOf(Math.Min(1, notZero), mixture.StandardDeviation);
        }

        return LedgerPair.Of(new MixtureOfGaussiansPair(
                mixture.StandardDeviation,
                Array.ConvertAll(norms, norm => norm.Norm),
                Array.ConvertAll(norms, norm => norm.Probability)));
    }
}
