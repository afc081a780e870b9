namespace DpSgd.Accounting;

/// <summary>
/// Rényi divergence of one Gaussian mechanism on a Poisson sample (Mironov, Talwar, Zhang, "Rényi Differential Privacy
/// of the Sampled Gaussian Mechanism", arXiv:1908.10530): with sampling probability q and noise multiplier sigma,
/// <c>ln A / (order - 1)</c> where <c>A = E[(1 - q + q e^((2z - 1) / 2 sigma^2))^order]</c> over z ~ N(0, sigma^2).
/// </summary>
/// <remarks>
/// All three ways of computing it find A - 1, never A, from terms that cannot cancel: costs far below one keep their
/// digits. They agree to about 1e-13 where they overlap.
/// </remarks>
internal sealed class PoissonSampledGaussianRdp
{
    // Beyond these the cost without sampling, which is never less, stands in: such orders are never the best, and under
    // such noise the cost is below 1e-280.
    private const double LargestOrder = 1e9;
    private const double LargestNoiseMultiplier = 1e150;

    private readonly double _samplingProbability;
    private readonly double _noiseMultiplier;

    /// <summary>The mechanism.</summary>
    /// <param name="samplingProbability">Probability q, in [0, 1], with which each example is in the sample.</param>
    /// <param name="noiseMultiplier">Sigma, in [0, infinity], relative to the sensitivity of the sum.</param>
    public PoissonSampledGaussianRdp(double samplingProbability, double noiseMultiplier)
    {
        _samplingProbability = samplingProbability;
        _noiseMultiplier = noiseMultiplier;
    }

    /// <summary>
    /// Rényi divergence of the Gaussian mechanism without sampling: order / (2 sigma^2) (Mironov, "Rényi Differential
    /// Privacy", arXiv:1702.07476, proposition 7).
    /// </summary>
    /// <param name="order">Order, greater than one.</param>
    /// <param name="noiseMultiplier">Sigma, in [0, infinity].</param>
    public static double Unsampled(double order, double noiseMultiplier) =>
        double.IsPositiveInfinity(noiseMultiplier) ? 0 : RdpCost.NeverNothing(order / noiseMultiplier / noiseMultiplier / 2);

    /// <summary>The divergence at each order.</summary>
    /// <param name="orders">Orders, finite and greater than one.</param>
    /// <returns>As many numbers in [0, infinity].</returns>
    public double[] AtOrders(IReadOnlyList<double> orders)
    {
        var curve = new double[orders.Count];

        // Nobody is in the sample, or nothing can be seen through the noise.
        if (_samplingProbability == 0 || double.IsPositiveInfinity(_noiseMultiplier))
            return curve;

        var logMoment = LogMoment(orders);
        for (var i = 0; i < curve.Length; i++)
        {
            // Sampling never costs more than no sampling, so neither may the last rounding.
            var order = orders[i];
            var unsampled = Unsampled(order, _noiseMultiplier);
            curve[i] = IsUnsampled(order) || double.IsPositiveInfinity(unsampled)
                ? unsampled
                : Math.Min(unsampled, RdpCost.NeverNothing(logMoment(order) / (order - 1)));
        }

        return curve;
    }

    private bool IsUnsampled(double order) =>
        _samplingProbability == 1 || order > LargestOrder || _noiseMultiplier > LargestNoiseMultiplier;

    private Func<double, double> LogMoment(IReadOnlyList<double> orders)
    {
        if (DisjointMixture.Applies(_samplingProbability, _noiseMultiplier))
            return new DisjointMixture(_samplingProbability, _noiseMultiplier).LogMoment;

        var summed = new Lazy<BinomialSum>(() => new(_samplingProbability, _noiseMultiplier));
        var integrated = new Lazy<MixtureQuadrature>(() =>
            new(_samplingProbability, _noiseMultiplier, orders.Where(order => IsIntegrated(order) && !IsUnsampled(order)).Max()));
        return order => IsIntegrated(order) ? integrated.Value.LogMoment(order) : summed.Value.LogMoment((int)order);
    }

    // The finite sum has as many terms as the order; above its largest the quadrature is quicker and more accurate.
    private static bool IsIntegrated(double order) => order > BinomialSum.LargestOrder || !double.IsInteger(order);
}
