using DpSgd.Accounting;

namespace DpSgd;

/// <summary>
/// Each example is in a batch with the same probability, independently of all others and of all other batches (Abadi et
/// al., "Deep Learning with Differential Privacy", 2016). Batches differ in size, and may be empty. A shuffled data set cut
/// into equal pieces is not a Poisson sample.
/// </summary>
/// <remarks>Best taken from a loader, as <see cref="BatchSampling"/> says.</remarks>
/// <param name="Probability">Probability, in (0, 1], with which each example is in a batch.</param>
/// <param name="DatasetSize">Number of examples to choose from, at least one. It counts as public, and so does the probability.</param>
/// <exception cref="ArgumentOutOfRangeException">An argument is NaN or outside its range.</exception>
public sealed record PoissonSampling(double Probability, long DatasetSize) : BatchSampling(DatasetSize)
{
    /// <summary>Probability, in (0, 1], with which each example is in a batch.</summary>
    public double Probability
    {
        get;
        init => field = Guard.PositiveProbability(value, nameof(Probability));
    } = Guard.PositiveProbability(Probability);

    /// <inheritdoc/>
    public override double ExpectedBatchSize => Probability * DatasetSize;

    internal override bool HasFixedSizes => false;

    internal override string AccountantsToUse =>
        "For Poisson samples use RdpAccountant or PldAccountant, or, where one example takes the place of another, new PldAccountant(NeighboringRelation.ReplaceOne)";

    /// <inheritdoc/>
    internal override string Assumption => (IsSecret, Draws) switch
    {
        (false, _) => "- Sampling: the batches came from a seed, so nothing is claimed for it. Every example counts as being in every batch.",
        (_, null) => "- Poisson sampling: every step takes each example with the sampling rate, independently of all others. The user declared it, and nothing checked it. A data set that is shuffled and cut into batches does not have this guarantee.",
        _ => "- Poisson sampling: every step takes each example with the sampling rate, independently of all others. The batches were drawn so by the loader, and one step was made of each.",
    };

    /// <inheritdoc/>
    public override DpEvent EventOf(DpEvent mechanism) => IsSecret ? new PoissonSampledDpEvent(Probability, mechanism) : mechanism;

    internal static PoissonSampling Of(int expectedBatchSize, long examples) =>
        new((double)Guard.Between(1, examples, expectedBatchSize) / examples, examples);

    internal override IEnumerable<long[]> Draw(RandomWords random)
    {
        var sampler = new PoissonSampler(DatasetSize, Probability, random);
        for (var i = BatchesPerEpoch; i > 0; i--)
            yield return sampler.Draw();
    }

    internal override bool CanHave(long batchSize) => batchSize <= DatasetSize;
}
