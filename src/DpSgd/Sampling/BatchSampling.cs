using DpSgd.Accounting;

namespace DpSgd;

/// <summary>
/// How the examples of a batch are chosen: what makes a step cheaper than if every example were in every batch. It is a
/// promise to the accountant, so take it from the loader that really draws the batches.
/// </summary>
public abstract record BatchSampling
{
    /// <summary>For samplings of this library, since each needs a bound that an accountant has proved.</summary>
    private protected BatchSampling()
    {
    }

    /// <summary>How many examples a batch has on average. The sum of gradients is divided by it, never by the real size.</summary>
    public abstract double ExpectedBatchSize { get; }

    /// <summary>What the loader drew that this belongs to; null when somebody else draws the batches.</summary>
    internal DrawLog? Draws { get; init; }

    /// <summary>What the guarantee takes for granted about the batches, as a line of it.</summary>
    internal virtual string Assumption => $"- Sampling: batches are drawn as declared, {ToString()}.";

    /// <summary>The event of applying a mechanism to one batch.</summary>
    /// <param name="mechanism">What is done to the batch.</param>
    public abstract DpEvent EventOf(DpEvent mechanism);
}
