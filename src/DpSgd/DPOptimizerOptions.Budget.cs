using DpSgd.Accounting;
using DpSgd.Clipping;

namespace DpSgd;

/// <content>Options from what may be spent.</content>
public sealed partial record DPOptimizerOptions
{
    /// <summary>
    /// What may be spent; null, the default, for no limit. A step that would spend more throws a
    /// <see cref="PrivacyBudgetExceededException"/> and changes nothing; a loop that asks
    /// <see cref="DPOptimizer.CanStep"/> stops before. <see cref="ForBudget"/> chooses the noise so that a planned number of
    /// steps just fits.
    /// </summary>
    public PrivacyBudget? Budget { get; init; }

    // Rounding to a grid costs a little more the more values are rounded. So many are planned for: for fewer, the noise is
    // more than needed by 2^-13 of itself at noise multiplier one.
    private const long MostParameters = 1L << 31;

    /// <summary>The options with which a planned number of steps just stays within a budget: the noise is chosen for it.</summary>
    /// <param name="budget">What may be spent.</param>
    /// <param name="steps">Number of steps, at least one: with a loader, epochs times its <c>Count</c>.</param>
    /// <param name="l2NormClip">See <see cref="L2NormClip"/>.</param>
    /// <param name="sampling">See <see cref="Sampling"/>.</param>
    /// <param name="microbatchSize">See <see cref="MicrobatchSize"/>.</param>
    /// <param name="accountant">See <see cref="Accountant"/>. What is in its ledger already counts, and it must be one of this library's.</param>
    /// <param name="noise">See <see cref="Noise"/>; null for <see cref="NoiseSource.Secure"/>.</param>
    /// <returns>Options with the least noise for it; change with <c>with</c> what else should be different and costs nothing.</returns>
    /// <exception cref="ArgumentNullException"><paramref name="budget"/> is null.</exception>
    /// <exception cref="ArgumentOutOfRangeException">An argument is NaN or outside its range, or no noise is enough: then the message says what can be reached.</exception>
    /// <exception cref="ArgumentException">The accountant is none of this library's.</exception>
    public static DPOptimizerOptions ForBudget(
        PrivacyBudget budget, long steps, double l2NormClip, BatchSampling? sampling = null, int? microbatchSize = null, IPrivacyAccountant? accountant = null, NoiseSource? noise = null)
    {
        Guard.NotNull(budget);
        Guard.AtLeast(1, steps);
        var options = new DPOptimizerOptions
        {
            L2NormClip = l2NormClip,
            NoiseMultiplier = 0,
            Sampling = sampling,
            MicrobatchSize = microbatchSize,
            Accountant = accountant,
            Budget = budget,
            Noise = noise ?? NoiseSource.Secure,
        };
        var ledger = SamplingAccountant.For(options);
        RefuseUnknown(ledger, nameof(accountant));
        var microbatching = new Microbatching(options);
        return options with
        {
            NoiseMultiplier = NoiseCalibration.FindNoiseMultiplier(
                budget.TargetEpsilon,
                budget.Delta,
                multiplier => StepEvent.Of(
                    options with { NoiseMultiplier = multiplier }, microbatching, ledger.NeighboringRelation, batchSize: 1, MostParameters),
                sampling is { IsPaidByEpoch: true, Draws: not null } ? (steps + sampling.BatchesPerEpoch - 1) / sampling.BatchesPerEpoch : steps,
                () => KnownAccountant.Clone(ledger)!),
        };
    }

    /// <summary>A budget asks what if, and only our accountants can answer.</summary>
    internal static void RefuseUnknown(IPrivacyAccountant accountant, string name)
    {
        if (KnownAccountant.Ledger(accountant) is null)
        {
            throw new ArgumentException(
                $"A budget needs an accountant that can be asked what a further step would cost: an RdpAccountant or a PldAccountant, not {accountant.GetType().Name}.", name);
        }
    }
}
