using DpSgd.Accounting;
using DpSgd.Clipping;

namespace DpSgd;

/// <summary>What a step costs. Whoever plans, refuses or enters a step asks here, so that all of them mean the same.</summary>
internal static class StepEvent
{
    /// <summary>The event of one step. Noise that can be drawn again protects nothing.</summary>
    /// <param name="options">What makes the step private.</param>
    /// <param name="microbatching">How its batches are divided.</param>
    /// <param name="relation">Of the accountant that it is entered into.</param>
    /// <param name="batchSize">Number of examples in the batch.</param>
    /// <param name="parameters">Number of values that are trained.</param>
    /// <exception cref="NotSupportedException">No bound is known for this noise on batches of this sampling.</exception>
    public static DpEvent Of(DPOptimizerOptions options, Microbatching microbatching, NeighboringRelation relation, long batchSize, long parameters) =>
        options.Noise.IsSecure
            ? Of(options, microbatching.EffectiveNoiseMultiplier(options.NoiseMultiplier, batchSize, relation), options.NoiseMultiplier * options.L2NormClip, parameters)
            : new NonPrivateDpEvent();

    /// <summary>An event of the kind that steps with these options have, to ask an accountant whether it has a bound for it.</summary>
    /// <exception cref="NotSupportedException">No bound is known for this noise on batches of this sampling.</exception>
    public static DpEvent Example(DPOptimizerOptions options) => Of(options, noiseMultiplier: 1, options.L2NormClip, parameters: 1);

    private static DpEvent Of(DPOptimizerOptions options, double noiseMultiplier, double standardDeviation, long parameters)
    {
        var mechanism = options.Noise.EventOf(noiseMultiplier, standardDeviation, parameters);
        return options.Sampling?.EventOf(mechanism) ?? mechanism;
    }
}
