using DpSgd.Accounting;

namespace DpSgd;

/// <summary>
/// The data set is put into a random order at the start of each epoch and cut into batches of the same size; the last one
/// has what is left. This is what most training programs do. No amplification by sampling is claimed: the bounds that are
/// proved for shuffling hardly amplify in training, and the epsilon of Poisson samples can be far too small for it (Chua et
/// al., "How Private are DP-SGD Implementations?", arXiv:2403.17673).
/// </summary>
/// <remarks>
/// <para>
/// What is claimed is that an epoch costs as much as one step on the whole data set, however many batches it has. Proof:
/// compare two data sets of the same size that differ at one position, and let the order be the same for both. Then that
/// position is in one batch of the epoch. Given what was released before, every other step is the same function of the same
/// examples with the same noise, so its ratio of densities is 1; that of the one step is that of a Gaussian mechanism. So
/// the privacy loss of the epoch is that of one Gaussian mechanism, whichever order it was, and a mixture over orders, which
/// have the same distribution for both, is no worse (the divergence is jointly convex). Epochs compose. The order need not be
/// secret, only independent of the data; breaking an epoch off costs the whole of it.
/// </para>
/// <para>
/// Positions must stay: were an example left out so that all behind it moved up, all later batches would change. So the
/// accountant's neighbouring relation must be <see cref="NeighboringRelation.ReplaceSpecial"/> (an example is blanked out,
/// as in the paper above) or <see cref="NeighboringRelation.ReplaceOne"/>, and any other is refused.
/// </para>
/// <para>
/// The bound needs a loader that says where an epoch begins (<see cref="ShuffledDataLoader"/>). One that you make yourself
/// is accounted as a full Gaussian mechanism for every step.
/// </para>
/// </remarks>
/// <param name="BatchSize">Examples in every batch but the last, from one to <paramref name="DatasetSize"/>.</param>
/// <param name="DatasetSize">Number of examples, at least one. It counts as public.</param>
/// <exception cref="ArgumentOutOfRangeException">An argument is outside its range.</exception>
public sealed record ShuffledSampling(long BatchSize, long DatasetSize) : BatchSampling(DatasetSize)
{
    /// <summary>Examples in every batch but the last, from one to the number of examples.</summary>
    public long BatchSize
    {
        get;
        init => field = Guard.Between(1, DatasetSize, value, nameof(BatchSize));
    } = Guard.Between(1, Guard.AtLeast(1, DatasetSize), BatchSize);

    /// <summary>
    /// The batch size. What the last batch of an epoch adds up to is divided by it too, though it may have fewer examples: so
    /// an example counts for as much there as anywhere else.
    /// </summary>
    public override double ExpectedBatchSize => BatchSize;

    internal override bool HasFixedSizes => true;

    internal override bool IsPaidByEpoch => true;

    internal override string AccountantsToUse =>
        "With shuffled batches the examples keep their places, so write Accountant = new RdpAccountant(neighboringRelation: NeighboringRelation.ReplaceSpecial) " +
        "for a guarantee about an example that is blanked out, or NeighboringRelation.ReplaceOne for one that is replaced by another; PldAccountant has both too";

    /// <summary>The mechanism itself: the event of one batch, and of a whole epoch.</summary>
    /// <param name="mechanism">What is done to a batch.</param>
    public override DpEvent EventOf(DpEvent mechanism) => mechanism;

    internal static ShuffledSampling Of(int batchSize, long examples) =>
        new(Guard.Between(1, examples, batchSize), examples);

    internal override IEnumerable<long[]> Draw(RandomWords random)
    {
        var order = new long[DatasetSize];
        for (var i = 0L; i < DatasetSize; i++)
            order[i] = i;
        return RandomOrder.First(order.Length, order, random).Chunk((int)BatchSize);
    }

    internal override bool CanHave(long batchSize) => batchSize > 0 && (batchSize == BatchSize || batchSize == DatasetSize % BatchSize);

    internal override bool IsAbout(NeighboringRelation relation) => relation != NeighboringRelation.AddOrRemoveOne;
}
