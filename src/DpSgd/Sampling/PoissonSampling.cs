using DpSgd.Accounting;

namespace DpSgd;

/// <summary>
/// Each example is in a batch with the same probability, independently of all others and of all other batches. Batches
/// differ in size, and may be empty. A shuffled data set cut into equal pieces is not a Poisson sample.
/// </summary>
/// <param name="Probability">Probability, in (0, 1], with which each example is in a batch.</param>
/// <param name="DatasetSize">Number of examples to choose from, at least one.</param>
/// <exception cref="ArgumentOutOfRangeException">An argument is NaN or outside its range.</exception>
public sealed record PoissonSampling(double Probability, long DatasetSize) : BatchSampling
{
    /// <summary>Probability, in (0, 1], with which each example is in a batch.</summary>
    public double Probability
    {
        get;
        init => field = Guard.PositiveProbability(value, nameof(Probability));
    } = Guard.PositiveProbability(Probability);

    /// <summary>Number of examples to choose from, at least one.</summary>
    public long DatasetSize
    {
        get;
        init => field = Guard.AtLeast(1, value, nameof(DatasetSize));
    } = Guard.AtLeast(1, DatasetSize);

    /// <summary>False when the batches come from a seeded generator: then amplification by sampling is void.</summary>
    public bool IsSecret { get; init; } = true;

    /// <inheritdoc/>
    public override double ExpectedBatchSize => Probability * DatasetSize;

    /// <inheritdoc/>
    public override DpEvent EventOf(DpEvent mechanism) => new PoissonSampledDpEvent(Probability, mechanism);
}
