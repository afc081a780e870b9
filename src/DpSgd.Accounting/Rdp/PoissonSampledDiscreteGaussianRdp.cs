namespace DpSgd.Accounting;

/// <summary>
/// Rényi divergence of the discrete Gaussian mechanism on a Poisson sample. At a whole order it is at most that of the
/// continuous one: the moment is the same binomial sum of moments of the mechanism without sampling, each of which is at
/// most the continuous one's (Canonne, Kamath, Steinke, arXiv:2004.00010, proposition 5), and reflection makes the other
/// direction the smaller one (Mironov, Talwar, Zhang, arXiv:1908.10530, theorem 5). Between whole orders the logarithm of
/// the moment is convex, so it lies below its chord.
/// </summary>
internal static class PoissonSampledDiscreteGaussianRdp
{
    /// <summary>A bound on the divergence at each order.</summary>
    /// <param name="samplingProbability">Probability, in [0, 1], with which each example is in the sample.</param>
    /// <param name="noiseMultiplier">Scale over sensitivity, in [0, infinity].</param>
    /// <param name="orders">Orders, finite and greater than one.</param>
    public static double[] AtOrders(double samplingProbability, double noiseMultiplier, IReadOnlyList<double> orders)
    {
        var whole = orders.SelectMany(order => new[] { Math.Floor(order), Math.Ceiling(order) }).Where(order => order > 1).Distinct().ToList();
        var divergences = whole.Zip(new PoissonSampledGaussianRdp(samplingProbability, noiseMultiplier).AtOrders(whole)).ToDictionary(pair => pair.First, pair => pair.Second);
        return [.. orders.Select(Bound)];

        double Bound(double order)
        {
            var (below, above) = (Math.Floor(order), Math.Ceiling(order));
            if (below == above)
                return divergences[order];
            var share = order - below;
            var chord = share * LogMoment(above) + (below == 1 ? 0 : (1 - share) * LogMoment(below));
            return chord / (order - 1);
        }

        double LogMoment(double order) => (order - 1) * divergences[order];
    }
}
