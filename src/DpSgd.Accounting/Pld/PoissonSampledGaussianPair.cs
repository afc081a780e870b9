namespace DpSgd.Accounting;

/// <summary>
/// The Gaussian mechanism on a Poisson sample when an example is removed: P = (1 - q) N(0, sigma^2) + q N(1, sigma^2)
/// and Q = N(0, sigma^2) (arXiv:2106.08567, theorem 11). Adding an example is the same pair the other way round.
/// </summary>
/// <param name="samplingProbability">Probability q, in (0, 1]; one is the mechanism without sampling.</param>
/// <param name="noiseMultiplier">Sigma, positive and finite.</param>
internal sealed class PoissonSampledGaussianPair(double samplingProbability, double noiseMultiplier)
    : GaussianPair(noiseMultiplier, [0, 1], [1 - samplingProbability, samplingProbability], [1, 0])
{
    /// <inheritdoc/>
    public override bool IsSymmetric => samplingProbability == 1;

    /// <inheritdoc/>
    public override double LargestLoss => double.PositiveInfinity;

    /// <inheritdoc/>
    public override double SmallestLoss => Elementary.Log1p(-samplingProbability);

    /// <inheritdoc/>
    protected override double Position(double loss)
    {
        var exponent = SampledLoss.Unsampled(loss, samplingProbability);
        return double.IsInfinity(exponent) ? exponent : NoiseMultiplier * exponent + 0.5 / NoiseMultiplier;
    }
}
