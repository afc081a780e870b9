namespace DpSgd.Accounting;

/// <summary>
/// The Laplace mechanism on a Poisson sample when an example is removed: P = (1 - q) L(0, b) + q L(1, b) and Q = L(0, b).
/// The loss is bounded, and it does not change left of zero and right of one: both ends have a mass of their own.
/// </summary>
/// <param name="samplingProbability">Probability q, in (0, 1]; one is the mechanism without sampling.</param>
/// <param name="noiseMultiplier">Scale b, positive and finite, over the sensitivity.</param>
internal sealed class PoissonSampledLaplacePair(double samplingProbability, double noiseMultiplier)
    : LocationMixturePair([0, 1 / noiseMultiplier], [1 - samplingProbability, samplingProbability], [1, 0])
{
    /// <inheritdoc/>
    public override bool IsSymmetric => samplingProbability == 1;

    /// <inheritdoc/>
    public override double LargestLoss => SampledLoss.Sampled(1 / noiseMultiplier, samplingProbability);

    /// <inheritdoc/>
    public override double SmallestLoss => SampledLoss.Sampled(-1 / noiseMultiplier, samplingProbability);

    /// <inheritdoc/>
    protected override double LogDensity(double distance) => -Math.Abs(distance);

    /// <inheritdoc/>
    protected override double Tail(double distance) => 0.5 * Math.Exp(-distance);

    /// <inheritdoc/>
    protected override double Position(double loss)
    {
        var exponent = SampledLoss.Unsampled(loss, samplingProbability);
        return exponent >= 1 / noiseMultiplier ? double.PositiveInfinity
            : exponent < -1 / noiseMultiplier ? double.NegativeInfinity
            : 0.5 * (exponent + 1 / noiseMultiplier);
    }

    /// <inheritdoc/>
    protected override (double Left, double Right) PositionRange(double logNeglected) => (0, 1 / noiseMultiplier);
}
