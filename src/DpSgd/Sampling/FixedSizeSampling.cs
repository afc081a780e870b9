using DpSgd.Accounting;

namespace DpSgd;

/// <summary>
/// Every batch has the same size, and is drawn anew: each set of <see cref="BatchSize"/> examples is as likely as any other,
/// independently of all other batches. (Within one batch an example comes once at most; from batch to batch it can come again.)
/// </summary>
/// <remarks>
/// The size of a batch shows nothing of the data then, but the bound is about replacing one example by another
/// (<see cref="NeighboringRelation.ReplaceOne"/>; Wang, Balle, Kasiviswanathan, arXiv:1808.00087), which costs about as much as
/// leaving one out and adding one: epsilon is larger than that of <see cref="PoissonSampling"/>, and means more. Best taken
/// from a loader, as <see cref="BatchSampling"/> says.
/// </remarks>
/// <param name="BatchSize">Examples in every batch, from one to <paramref name="DatasetSize"/>.</param>
/// <param name="DatasetSize">Number of examples to choose from, at least one. It counts as public.</param>
/// <exception cref="ArgumentOutOfRangeException">An argument is outside its range.</exception>
public sealed record FixedSizeSampling(long BatchSize, long DatasetSize) : BatchSampling(DatasetSize)
{
    /// <summary>Examples in every batch, from one to the number of examples.</summary>
    public long BatchSize
    {
        get;
        init => field = Guard.Between(1, DatasetSize, value, nameof(BatchSize));
    } = Guard.Between(1, Guard.AtLeast(1, DatasetSize), BatchSize);

    /// <inheritdoc/>
    public override double ExpectedBatchSize => BatchSize;

    internal override bool HasFixedSizes => true;

    internal override string AccountantsToUse =>
        "With batches of a fixed size the guarantee is about replacing one example by another: write Accountant = new RdpAccountant(neighboringRelation: NeighboringRelation.ReplaceOne)";

    /// <inheritdoc/>
    public override DpEvent EventOf(DpEvent mechanism) =>
        IsSecret ? new SampledWithoutReplacementDpEvent(DatasetSize, BatchSize, mechanism) : mechanism;

    internal static FixedSizeSampling Of(int batchSize, long examples) =>
        new(Guard.Between(1, examples, batchSize), examples);

    internal override IEnumerable<long[]> Draw(RandomWords random)
    {
        for (var i = BatchesPerEpoch; i > 0; i--)
            yield return RandomOrder.Subset(BatchSize, DatasetSize, random);
    }

    internal override bool CanHave(long batchSize) => batchSize == BatchSize;

    internal override bool IsAbout(NeighboringRelation relation) => relation == NeighboringRelation.ReplaceOne;
}
