using DpSgd.Accounting;

namespace DpSgd;

/// <summary>
/// What training guaranteed, computed from the ledger of what was done and not from what was planned, with all that the
/// number rests on. <see cref="Statement"/> says it in words.
/// </summary>
public sealed record TrainingGuarantee
{
    internal TrainingGuarantee()
    {
    }

    /// <summary>Epsilon of everything in the ledger; positive infinity if there is no finite one.</summary>
    public required double Epsilon { get; init; }

    /// <summary>The delta with which it holds.</summary>
    public required double Delta { get; init; }

    /// <summary>The order of the Rényi divergence that proves it; null when something else does.</summary>
    public required double? OptimalOrder { get; init; }

    /// <summary>Which data sets cannot be told apart.</summary>
    public required NeighboringRelation NeighboringRelation { get; init; }

    /// <summary>The type of accountant that computed it.</summary>
    public required string Accountant { get; init; }

    /// <summary>
    /// The ledger: every distinct event with how often it happened, by this optimizer and by all that share its accountant.
    /// </summary>
    public required IReadOnlyList<LedgerEntry> Events { get; init; }

    /// <summary>
    /// Steps of this optimizer that made the weights as they are. The ledger has more where others share it, or where steps
    /// were taken that a checkpoint took back.
    /// </summary>
    public required long Steps { get; init; }

    /// <summary>How the batches were drawn; null if nothing was claimed.</summary>
    public required BatchSampling? Sampling { get; init; }

    /// <summary>The norm to which each microbatch's gradient was clipped.</summary>
    public required double L2NormClip { get; init; }

    /// <summary>Standard deviation of the noise over <see cref="L2NormClip"/>.</summary>
    public required double NoiseMultiplier { get; init; }

    /// <summary>
    /// Examples in a microbatch, on average if they are put into it at random; null if batches of any size were divided into a
    /// fixed number of microbatches.
    /// </summary>
    public required double? MicrobatchSize { get; init; }

    /// <summary>Whether the noise came from a cryptographic generator.</summary>
    public required bool IsNoiseSecure { get; init; }

    /// <summary>The type of noise source.</summary>
    public required string NoiseSource { get; init; }

    /// <summary>
    /// How many examples had a gradient that was NaN or infinite, themselves or in their microbatch, and contributed nothing.
    /// The number depends on the data and is not private: do not publish it. It is not in <see cref="Statement"/>.
    /// </summary>
    public required long NonFiniteExamples { get; init; }

    /// <summary>
    /// How many batches were drawn and passed over without a step, in epochs in which steps were made. That no batch was left
    /// out because of what was in it is an assumption. The number may depend on the data: do not publish it. It is not in
    /// <see cref="Statement"/>.
    /// </summary>
    public required long BatchesLeftOut { get; init; }

    /// <summary>The version of this library.</summary>
    public required string LibraryVersion { get; init; }

    /// <summary>
    /// The guarantee in words, with what it rests on; may be published. Lines separated by a line feed, the same in every
    /// culture; lines after the second may change from version to version.
    /// </summary>
    public string Statement => GuaranteeText.Of(this);

    /// <summary>The guarantee in words, and at the end what only those should see who hold the data.</summary>
    public override string ToString() => $"{Statement}\n{GuaranteeText.NotForPublication(this)}";
}
