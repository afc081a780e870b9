namespace DpSgd.Accounting;

/// <summary>
/// The Gaussian mechanism on a Poisson sample when an example is replaced by its opposite: P = (1 - q) N(0, sigma^2) + q
/// N(1, sigma^2) and Q = (1 - q) N(0, sigma^2) + q N(-1, sigma^2) (Lebeda, Regehr, Kamath, Steinke, "Avoiding Pitfalls
/// for Privacy Accounting of Subsampled Mechanisms under Composition", arXiv:2405.20769). Symmetric.
/// </summary>
/// <param name="samplingProbability">Probability q, in (0, 1]; one is the mechanism without sampling.</param>
/// <param name="noiseMultiplier">Sigma, positive and finite, over the clip norm: half the sensitivity.</param>
internal sealed class PoissonSampledGaussianReplacementPair(double samplingProbability, double noiseMultiplier)
    : GaussianPair(
        noiseMultiplier,
        [-1, 0, 1],
        [0, 1 - samplingProbability, samplingProbability],
        [samplingProbability, 1 - samplingProbability, 0])
{
    /// <inheritdoc/>
    public override bool IsSymmetric => true;

    /// <inheritdoc/>
    public override double LargestLoss => double.PositiveInfinity;

    /// <inheritdoc/>
    public override double SmallestLoss => double.NegativeInfinity;

    /// <inheritdoc/>
    protected override double Position(double loss)
    {
        if (loss < 0)
            return -Position(-loss);

        // With u = e^(x / sigma^2) and c = q e^(-1 / 2 sigma^2), the loss is the root of a quadratic equation,
        // c u^2 - (1 - q)(e^loss - 1) u - c e^loss = 0. In logarithms, because c may underflow.
        var logC = Math.Log(samplingProbability) - 0.5 / NoiseMultiplier / NoiseMultiplier;
        var logB = Elementary.Log1p(-samplingProbability) + LogSpace.LogExpm1(loss) - Math.Log(2);
        var logRoot = 0.5 * LogSpace.LogAdd(2 * logB, 2 * logC + loss);
        return NoiseMultiplier * (LogSpace.LogAdd(logB, logRoot) - logC);
    }
}
