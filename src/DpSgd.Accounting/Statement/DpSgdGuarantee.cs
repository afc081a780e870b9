namespace DpSgd.Accounting;

/// <summary>
/// What a run of DP-SGD guarantees, for programs; <see cref="DpSgdPrivacy.Statement(DpSgdRun)"/> says the same in words.
/// Neighbouring data sets differ by one example, or one person, added or removed. All epsilons hold with the delta of the
/// run and for all checkpoints together; an infinite one is no guarantee.
/// </summary>
/// <param name="Run">The run.</param>
/// <param name="Epsilon">The guarantee for one example, given how the run samples. Infinite when its noise is not secure.</param>
/// <param name="OptimalOrder">The Rényi order that proves <paramref name="Epsilon"/>; null with privacy loss distributions.</param>
/// <param name="ExampleEpsilonWithPoissonSampling">For one example, if every batch is a Poisson sample.</param>
/// <param name="ExampleEpsilonOncePerEpoch">For one example, if it is in one batch of every epoch, in whatever order.</param>
/// <param name="UserEpsilonWithPoissonSampling">For one person, if every batch is a Poisson sample; null without a bound on examples per person.</param>
/// <param name="UserEpsilonOncePerEpoch">For one person, if each example is in one batch of every epoch; null without a bound on examples per person.</param>
public sealed record DpSgdGuarantee(
    DpSgdRun Run,
    double Epsilon,
    double? OptimalOrder,
    double ExampleEpsilonWithPoissonSampling,
    double ExampleEpsilonOncePerEpoch,
    double? UserEpsilonWithPoissonSampling,
    double? UserEpsilonOncePerEpoch)
{
    /// <summary>The neighbouring relation of all epsilons.</summary>
    public NeighboringRelation NeighboringRelation => NeighboringRelation.AddOrRemoveOne;

    /// <summary>The guarantee of a run.</summary>
    internal static DpSgdGuarantee Of(DpSgdRun run)
    {
        Guard.Between(1, run.NumberOfExamples, run.BatchSize, nameof(run.BatchSize));

        // A microbatch that gains or loses an example is replaced by another: its clipped sum moves by twice the norm.
        var sigma = run.NoiseMultiplier / (run.MicrobatchSize > 1 ? 2 : 1);
        var (q, steps, epochs) = (run.SamplingProbability, run.Steps, (long)Math.Min(9e18, Math.Ceiling(run.Epochs)));
        var (poisson, poissonOrder) = Cost(run, new PoissonSampledDpEvent(q, new GaussianDpEvent(sigma)), steps);
        var (once, onceOrder) = Cost(run, new GaussianDpEvent(sigma), epochs);
        var (userPoisson, userOnce) = ((double?)null, (double?)null);
        if (run.MaxExamplesPerUser is { } group)
        {
            // All examples of a person at once, at worst in the same batches.
            userOnce = Cost(run, new GaussianDpEvent(sigma / group), epochs).Epsilon;
            userPoisson = group == 1 ? poisson
                : run.UsesPldAccountant ? Cost(run, UserLevelPrivacy.PoissonSampledGaussian(q, sigma, group), steps).Epsilon
                : UserLevelPrivacy.GetEpsilon(Accountant(run, new PoissonSampledDpEvent(q, new GaussianDpEvent(sigma)), steps), run.Delta, group);
        }

        var (epsilon, order) = run.UsesPoissonSampling ? (poisson, poissonOrder) : (once, onceOrder);
        return new(run, run.UsesSecureNoise ? epsilon : double.PositiveInfinity, order, poisson, once, userPoisson, userOnce);
    }

    private static (double Epsilon, double? Order) Cost(DpSgdRun run, DpEvent step, long steps)
    {
        var accountant = Accountant(run, step, steps);
        return accountant is RdpAccountant rdp ? rdp.GetEpsilonAndOptimalOrder(run.Delta) : (accountant.GetEpsilon(run.Delta), null);
    }

    private static IPrivacyAccountant Accountant(DpSgdRun run, DpEvent step, long steps)
    {
        IPrivacyAccountant accountant = run.UsesPldAccountant ? new PldAccountant() : new RdpAccountant();
        accountant.Compose(step, steps);
        return accountant;
    }
}
