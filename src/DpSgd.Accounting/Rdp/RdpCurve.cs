namespace DpSgd.Accounting;

/// <summary>
/// The Rényi differential privacy of one event (Mironov, "Rényi Differential Privacy", arXiv:1702.07476): an upper bound,
/// at each order, on the Rényi divergence between what it shows of two neighbouring data sets.
/// </summary>
internal static class RdpCurve
{
    /// <summary>The divergence of an event at each order.</summary>
    /// <param name="dpEvent">An event that is no composition; compositions are sums, and the ledger takes them apart.</param>
    /// <param name="relation">What neighbouring means.</param>
    /// <param name="orders">Orders, finite and greater than one.</param>
    /// <returns>As many numbers in [0, infinity].</returns>
    /// <exception cref="NotSupportedException">No bound is known for the event under the relation.</exception>
    public static double[] Of(DpEvent dpEvent, NeighboringRelation relation, IReadOnlyList<double> orders)
    {
        switch (dpEvent)
        {
            case NoOpDpEvent:
                return Everywhere(0, orders);
            case NonPrivateDpEvent:
                return Everywhere(double.PositiveInfinity, orders);
            case GaussianDpEvent gaussian:
                var sigma = gaussian.NoiseMultiplier / Sensitivity(relation);
                return [.. orders.Select(order => PoissonSampledGaussianRdp.Unsampled(order, sigma))];
            case PoissonSampledDpEvent sampled when relation != NeighboringRelation.ReplaceOne:
                return SameSampleGaussians.TryCollapse(sampled.Event, out sigma)
                    ? new PoissonSampledGaussianRdp(sampled.SamplingProbability, sigma / Sensitivity(relation)).AtOrders(orders)
                    : throw Unsupported.Event(nameof(RdpAccountant), dpEvent, relation);
            default:
                throw Unsupported.Event(nameof(RdpAccountant), dpEvent, relation);
        }
    }

    /// <summary>
    /// How far a clipped sum moves, in units of the clip norm C that noise multipliers are relative to: by C when an
    /// example joins or leaves, by 2C when one takes the place of another.
    /// </summary>
    private static double Sensitivity(NeighboringRelation relation) => relation == NeighboringRelation.ReplaceOne ? 2 : 1;

    private static double[] Everywhere(double value, IReadOnlyList<double> orders)
    {
        var curve = new double[orders.Count];
        Array.Fill(curve, value);
        return curve;
    }
}
