namespace DpSgd.Accounting;

/// <summary>
/// What a guarantee about one example is worth for a person who contributed several: neighbouring data sets then differ in
/// all examples of one person.
/// </summary>
public static class UserLevelPrivacy
{
    /// <summary>
    /// Epsilon for a group of examples, from what an accountant knows about one (Vadhan, "The Complexity of Differential
    /// Privacy", 2017, lemma 2.2): if (epsilon, delta) holds for one example then (k epsilon, delta (e^(k epsilon) - 1) /
    /// (e^epsilon - 1)) holds for k. True of every mechanism, and far from tight; <see cref="PoissonSampledGaussian"/> is
    /// tight for DP-SGD.
    /// </summary>
    /// <param name="accountant">Accountant of everything that was done.</param>
    /// <param name="delta">Delta for the group, in (0, 1).</param>
    /// <param name="groupSize">Most examples of one person, at least one.</param>
    /// <returns>Epsilon, at least zero; infinite when none is known.</returns>
    /// <exception cref="ArgumentNullException"><paramref name="accountant"/> is null.</exception>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="delta"/> or <paramref name="groupSize"/> is outside its range.</exception>
    public static double GetEpsilon(IPrivacyAccountant accountant, double delta, int groupSize)
    {
        Guard.NotNull(accountant);
        Guard.StrictlyBetweenZeroAndOne(delta);
        Guard.AtLeast(1, groupSize);
        if (groupSize == 1)
            return accountant.GetEpsilon(delta);

        // The delta of one example that gives the delta of the group is found from above: as it falls epsilon grows, and
        // with it the factor between the two, and there may be none.
        var logDelta = Math.Log(delta);
        var high = logDelta;
        while (true)
        {
            var excess = Excess(high);
            if (excess <= 0)
                return groupSize * accountant.GetEpsilon(Math.Exp(high));
            if (double.IsPositiveInfinity(excess))
                return double.PositiveInfinity;
            var low = high - excess - Math.Log(10);
            if (low < LogSmallest)
                return double.PositiveInfinity;
            if (Excess(low) <= 0)
            {
                var log = MonotoneRoot.Above(minusLog => -Excess(-minusLog), -high, -low, 1e-13);
                return groupSize * accountant.GetEpsilon(Math.Exp(-log));
            }

            high = low;
        }

        double Excess(double log)
        {
            var epsilon = accountant.GetEpsilon(Math.Exp(log));
            return epsilon == 0 ? log + Math.Log(groupSize) - logDelta
                : double.IsPositiveInfinity(epsilon) ? epsilon
                : log + LogSpace.LogExpm1(groupSize * epsilon) - LogSpace.LogExpm1(epsilon) - logDelta;
        }
    }

    /// <summary>
    /// One step of DP-SGD on a Poisson sample, for a person with so many examples: of these a binomial number is in the
    /// sample, and each adds at most the clip norm (Ganesh, "Tight Group-Level DP Guarantees for DP-SGD with Sampling via
    /// Mixture of Gaussians Mechanisms", arXiv:2401.10294). For <see cref="PldAccountant"/>.
    /// </summary>
    /// <param name="samplingProbability">Probability, in [0, 1], with which each example is in a batch.</param>
    /// <param name="noiseMultiplier">Standard deviation of the noise over the clip norm, in [0, infinity].</param>
    /// <param name="groupSize">Most examples of one person, from one to ten thousand.</param>
    /// <exception cref="ArgumentOutOfRangeException">An argument is NaN or outside its range.</exception>
    public static MixtureOfGaussiansDpEvent PoissonSampledGaussian(double samplingProbability, double noiseMultiplier, int groupSize)
    {
        Guard.Probability(samplingProbability);
        Guard.NonNegative(noiseMultiplier);
        Guard.Between(1, 10_000, groupSize);
        var (logHit, logMiss) = (Math.Log(samplingProbability), Elementary.Log1p(-samplingProbability));
        var logCoefficient = 0.0;
        var probabilities = new double[groupSize + 1];
        for (var k = 0; k <= groupSize; k++)
        {
            // Zero times the logarithm of zero is zero here.
            probabilities[k] = Math.Exp(logCoefficient + (k == 0 ? 0 : k * logHit) + (k == groupSize ? 0 : (groupSize - k) * logMiss));
            logCoefficient += Math.Log((groupSize - k) / (k + 1.0));
        }

        return new MixtureOfGaussiansDpEvent(noiseMultiplier, [.. Enumerable.Range(0, groupSize + 1).Select(k => (double)k)], probabilities);
    }

    // Smaller deltas cannot be written down.
    private const double LogSmallest = -700;
}
