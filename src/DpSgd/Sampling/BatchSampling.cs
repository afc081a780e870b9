using DpSgd.Accounting;

namespace DpSgd;

/// <summary>
/// How the examples of a batch are chosen: what makes a step cheaper than if every example were in every batch. It is a
/// promise to the accountant, so take it from the loader that really draws the batches
/// (<see cref="DPDataLoader{TBatch}.Sampling"/>): then a step on anything else than a batch of that loader, and a
/// second step on one batch, are refused. One that you make yourself is your word that you draw such batches, one for each
/// step; nothing but the size of a batch can be checked then.
/// </summary>
public abstract record BatchSampling
{
    /// <summary>For samplings of this library, since each needs a bound that an accountant has proved.</summary>
    private protected BatchSampling(long datasetSize) => DatasetSize = Guard.AtLeast(1, datasetSize, nameof(DatasetSize));

    /// <summary>Number of examples to choose from, at least one. It counts as public.</summary>
    public long DatasetSize
    {
        get;
        init => field = Guard.AtLeast(1, value, nameof(DatasetSize));
    }

    /// <summary>
    /// False when the batches come from a seeded generator. Whoever knows the seed knows who is in each batch, so there is no
    /// amplification by sampling, and none is accounted.
    /// </summary>
    public bool IsSecret { get; init; } = true;

    /// <summary>How many examples a batch has on average. The sum of gradients is divided by it, never by the real size.</summary>
    public abstract double ExpectedBatchSize { get; }

    /// <summary>What the loader drew that this belongs to; null when somebody else draws the batches.</summary>
    internal DrawLog? Draws { get; init; }

    /// <summary>Number of batches in which an example comes once on average.</summary>
    internal virtual long BatchesPerEpoch => (long)Math.Ceiling(DatasetSize / ExpectedBatchSize * (1 - 1e-12));

    /// <summary>Whether the sizes of the batches do not depend on chance.</summary>
    internal abstract bool HasFixedSizes { get; }

    /// <summary>Whether an example is in one batch of an epoch at most, so that it is enough to pay for the epoch once.</summary>
    internal virtual bool IsPaidByEpoch => false;

    /// <summary>Which accountants have a bound for it, and what to write.</summary>
    internal abstract string AccountantsToUse { get; }

    /// <summary>What the guarantee takes for granted about the batches, as a line of it.</summary>
    internal virtual string Assumption => $"- Sampling: batches are drawn as declared, {ToString()}.";

    /// <summary>The event of applying a mechanism to one batch.</summary>
    /// <param name="mechanism">What is done to the batch.</param>
    public abstract DpEvent EventOf(DpEvent mechanism);

    /// <summary>Two are equal when they describe the same sampling, whichever loader does it.</summary>
    /// <param name="other">What to compare with.</param>
    public virtual bool Equals(BatchSampling? other) =>
        other is not null && EqualityContract == other.EqualityContract && (DatasetSize, IsSecret) == (other.DatasetSize, other.IsSecret);

    /// <inheritdoc/>
    public override int GetHashCode() => HashCode.Combine(EqualityContract, DatasetSize, IsSecret);

    /// <summary>The batches of one epoch: positions in the data set.</summary>
    internal abstract IEnumerable<long[]> Draw(RandomWords random);

    /// <summary>Whether a batch can have so many examples.</summary>
    internal abstract bool CanHave(long batchSize);

    /// <summary>Whether its guarantee can be about such neighbouring data sets at all.</summary>
    internal virtual bool IsAbout(NeighboringRelation relation) => true;
}
