namespace DpSgd.Accounting;

/// <summary>
/// The central limit theorem of Gaussian differential privacy (Bu, Dong, Long, Su, "Deep Learning with Gaussian
/// Differential Privacy", arXiv:1911.11607). <b>No guarantee</b>: for a finite number of steps the true epsilon is usually
/// larger, up to twice. It is here to compare with reports that used it, and nothing else in this library uses its numbers.
/// </summary>
public static class CentralLimitApproximation
{
    /// <summary>The mu that DP-SGD on Poisson samples approaches: <c>q sqrt(steps (e^(1 / sigma^2) - 1))</c>.</summary>
    /// <param name="samplingProbability">Probability q, in [0, 1].</param>
    /// <param name="noiseMultiplier">Sigma, positive and finite.</param>
    /// <param name="steps">Number of steps, positive and finite; reports often use a number that is not whole.</param>
    /// <exception cref="ArgumentOutOfRangeException">An argument is NaN or outside its range.</exception>
    public static double ApproximateMuOfPoissonSampling(double samplingProbability, double noiseMultiplier, double steps)
    {
        var precision = Precision(samplingProbability, noiseMultiplier, steps);
        return samplingProbability * Math.Sqrt(steps * Elementary.Expm1(precision));
    }

    /// <summary>
    /// The mu that DP-SGD on samples of fixed size approaches: <c>q sqrt(2 steps (e^(1 / sigma^2) Phi(3 / 2 sigma) + 3 Phi(-1 /
    /// 2 sigma) - 2))</c>.
    /// </summary>
    /// <param name="samplingProbability">Batch size over data set size q, in [0, 1].</param>
    /// <param name="noiseMultiplier">Sigma, positive and finite.</param>
    /// <param name="steps">Number of steps, positive and finite.</param>
    /// <exception cref="ArgumentOutOfRangeException">An argument is NaN or outside its range.</exception>
    public static double ApproximateMuOfUniformSampling(double samplingProbability, double noiseMultiplier, double steps)
    {
        var precision = Precision(samplingProbability, noiseMultiplier, steps);

        // With Phi(x) = 1 - tail(x) the constants cancel, which matters when sigma is large.
        var z = 1 / noiseMultiplier;
        var variance = Elementary.Expm1(precision) * (1 - NormalTail.Above(1.5 * z))
            + 3 * (NormalTail.Above(0.5 * z) - 0.5) - (NormalTail.Above(1.5 * z) - 0.5);
        return samplingProbability * Math.Sqrt(2 * steps * variance);
    }

    /// <summary>The epsilon of a mu: exact for one Gaussian mechanism with noise 1 / mu, an under-estimate for what only approaches it.</summary>
    /// <param name="mu">Mu, at least zero and finite.</param>
    /// <param name="delta">Delta, in [0, 1].</param>
    /// <exception cref="ArgumentOutOfRangeException">An argument is NaN or outside its range.</exception>
    public static double ApproximateEpsilonThatIsNoGuarantee(double mu, double delta) =>
        GaussianMechanism.GetEpsilon(1 / Guard.NonNegativeFinite(mu), Guard.Probability(delta));

    private static double Precision(double samplingProbability, double noiseMultiplier, double steps)
    {
        Guard.Probability(samplingProbability);
        Guard.Positive(noiseMultiplier);
        Guard.Positive(steps);
        return 1 / noiseMultiplier / noiseMultiplier;
    }
}
