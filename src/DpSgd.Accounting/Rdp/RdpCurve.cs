using System.Numerics;

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
        var replaceOne = relation == NeighboringRelation.ReplaceOne;
        var replaces = relation != NeighboringRelation.AddOrRemoveOne;
        switch (dpEvent)
        {
            case NoOpDpEvent:
                return At(orders, _ => 0);
            case NonPrivateDpEvent:
                return At(orders, _ => double.PositiveInfinity);
            case GaussianDpEvent gaussian:
                return Gaussian(gaussian.NoiseMultiplier);
            case DiscreteGaussianDpEvent gaussian:
                // It is as concentrated as the continuous one (arXiv:2004.00010, proposition 5).
                return Gaussian(gaussian.Sigma / gaussian.Sensitivity);
            case PoissonSampledDpEvent sampled when !replaceOne && SameSampleGaussians.TryCollapse(sampled.Event, out var sigma):
                return new PoissonSampledGaussianRdp(sampled.SamplingProbability, sigma).AtOrders(orders);
            case PoissonSampledDpEvent { Event: DiscreteGaussianDpEvent gaussian } sampled when !replaceOne:
                return PoissonSampledDiscreteGaussianRdp.AtOrders(sampled.SamplingProbability, gaussian.Sigma / gaussian.Sensitivity, orders);
            case SampledWithoutReplacementDpEvent sampled when replaceOne && SameSampleGaussians.TryCollapse(sampled.Event, out var sigma):
                return new WithoutReplacementRdp((double)sampled.SampleSize / sampled.SourceDatasetSize, sigma / Sensitivity(relation)).AtOrders(orders);
            case SingleEpochTreeAggregationDpEvent tree when relation == NeighboringRelation.ReplaceSpecial:
                // An example is in one leaf, and so in one node of each level of its tree: as many sums as levels.
                var levels = 64 - BitOperations.LeadingZeroCount((ulong)tree.StepCounts.Max());
                return levels == 0 ? At(orders, _ => 0) : Gaussian(tree.NoiseMultiplier / Math.Sqrt(levels));
            case LaplaceDpEvent laplace:
                return At(orders, order => PureRdp.Laplace(Sensitivity(relation) / laplace.NoiseMultiplier, order));
            case PermuteAndFlipDpEvent flip:
                return At(orders, order => PureRdp.Laplace(flip.Epsilon, order));
            case ExponentialMechanismDpEvent exponential:
                return At(orders, order => PureRdp.BoundedRange(exponential.Epsilon, order));
            case ZCDpEvent concentrated:
                return At(orders, order => concentrated.Xi + concentrated.Rho * order);
            case RandomizedResponseDpEvent response when replaces:
                return Discrete(DiscretePairs.RandomizedResponse(response.NoiseParameter, response.NumBuckets, replaceOne));
            case DiscreteLaplaceDpEvent laplace:
                return Discrete(DiscretePairs.Laplace(laplace.NoiseParameter, laplace.Sensitivity, replaceOne));
            case EpsilonDeltaDpEvent known:
                // Given that delta does not strike; the accountant adds it to its own.
                return Discrete(DiscretePairs.EpsilonDelta(known.Epsilon, 0));
            case RepeatAndSelectDpEvent repeated:
                return RepeatAndSelectRdp.AtOrders(orders, OfComposition(repeated, relation, orders), repeated.Mean, repeated.Shape);
            default:
                throw Unsupported.Event(nameof(RdpAccountant), dpEvent, relation);
        }

        double[] Gaussian(double sigma) =>
            At(orders, order => PoissonSampledGaussianRdp.Unsampled(order, sigma / Sensitivity(relation)));

        double[] Discrete(LedgerPair pair) => pair.IsEverything ? At(orders, _ => double.PositiveInfinity)
            : pair.Pair is not DiscretePair discrete ? At(orders, _ => 0)
            : discrete.InfiniteMass > 0 || discrete.InfiniteMassOfQ > 0 ? At(orders, _ => double.PositiveInfinity)
            : DiscreteRdp.AtOrders(discrete.Outputs, orders);
    }

    /// <summary>The probability with which the event may fail altogether, which no divergence can express.</summary>
    public static double FailureProbability(DpEvent dpEvent) => dpEvent is EpsilonDeltaDpEvent known ? known.Delta : 0;

    private static double[] OfComposition(RepeatAndSelectDpEvent repeated, NeighboringRelation relation, IReadOnlyList<double> orders)
    {
        var total = new double[orders.Count];
        foreach (var (part, count) in EventLedger.TakeApart(repeated.Event, 1))
        {
            if (FailureProbability(part) > 0)
                throw Unsupported.Event(nameof(RdpAccountant), repeated, relation);
            var curve = Of(part, relation, orders);
            for (var i = 0; i < total.Length; i++)
                total[i] += count * curve[i];
        }

        return total;
    }

    /// <summary>
    /// How far a clipped sum moves, in units of the clip norm C that noise multipliers are relative to: by C when an
    /// example joins or leaves, by 2C when one takes the place of another.
    /// </summary>
    private static double Sensitivity(NeighboringRelation relation) => relation == NeighboringRelation.ReplaceOne ? 2 : 1;

    private static double[] At(IReadOnlyList<double> orders, Func<double, double> divergence) => [.. orders.Select(divergence)];
}
