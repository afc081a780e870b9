namespace DpSgd.Accounting;

/// <summary>
/// The moment A of the sampled Gaussian mechanism when the noise is so small that the output tells for certain whether
/// the example was in the sample. The two halves of the mixture do not overlap, and
/// <c>A = (1 - q)^order + q^order e^((order^2 - order) / 2 sigma^2)</c>.
/// </summary>
/// <remarks>A quadrature would need a step of the size of sigma squared here, without end as sigma goes to zero.</remarks>
internal sealed class DisjointMixture
{
    private readonly double _logHit;
    private readonly double _hit;
    private readonly double _logMiss;
    private readonly double _miss;
    private readonly double _noiseMultiplier;

    /// <summary>The mechanism.</summary>
    /// <param name="samplingProbability">Probability q, in (0, 1), with which each example is in the sample.</param>
    /// <param name="noiseMultiplier">Sigma, positive; small enough for <see cref="Applies"/>.</param>
    public DisjointMixture(double samplingProbability, double noiseMultiplier)
    {
        _hit = samplingProbability;
        _miss = 1 - samplingProbability;
        _logHit = Math.Log(samplingProbability);
        _logMiss = Elementary.Log1p(-samplingProbability);
        _noiseMultiplier = noiseMultiplier;
    }

    /// <summary>
    /// Whether the overlap is too small to change a double. It is about e^(-1 / 8 sigma^2), the Gaussian tail halfway
    /// between the centres 0 and 1, and a lopsided q moves the crossing towards one of them.
    /// </summary>
    /// <param name="samplingProbability">Probability q, in (0, 1).</param>
    /// <param name="noiseMultiplier">Sigma, positive.</param>
    public static bool Applies(double samplingProbability, double noiseMultiplier)
    {
        var lopsided = -Math.Log(samplingProbability) - Elementary.Log1p(-samplingProbability);
        return 0.125 / noiseMultiplier / noiseMultiplier >= 60 + 2 * lopsided;
    }

    /// <summary>ln A.</summary>
    /// <param name="order">Order, greater than one.</param>
    public double LogMoment(double order)
    {
        var excess = order - 1;
        var hit = excess * (_logHit + order / _noiseMultiplier / _noiseMultiplier / 2);
        var miss = excess * _logMiss;

        // Far from one the logarithms may be added as they are; near it, or near order one, ln A comes from A - 1.
        return _logHit + hit > 1
            ? LogSpace.LogAdd(_logHit + hit, _logMiss + miss)
            : Elementary.Log1p(_hit * Elementary.Expm1(hit) + _miss * Elementary.Expm1(miss));
    }
}
