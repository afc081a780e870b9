using DpSgd.Accounting;

namespace DpSgd;

/// <summary>
/// Each example is in a batch with the same probability, independently of all others and of all other batches. Batches
/// differ in size, and may be empty. A shuffled data set cut into equal pieces is not a Poisson sample.
/// </summary>
/// <remarks>
/// Take it from a loader (<see cref="PoissonDataLoader{TBatch}.Sampling"/>): then a step that is not made of the batch that
/// was drawn, or the second one of the same batch, is refused. One that you make yourself is your word that you draw such
/// batches, one for each step, and nothing checks it. The data set's size, and so the probability, counts as public.
/// </remarks>
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

    /// <summary>
    /// False when the batches come from a seeded generator. Whoever knows the seed knows who is in each batch, so there is no
    /// amplification by sampling, and none is accounted.
    /// </summary>
    public bool IsSecret { get; init; } = true;

    /// <inheritdoc/>
    public override double ExpectedBatchSize => Probability * DatasetSize;

    /// <inheritdoc/>
    internal override string Assumption => (IsSecret, Draws) switch
    {
        (false, _) => "- Sampling: the batches came from a seed, so nothing is claimed for it. Every example counts as being in every batch.",
        (_, null) => "- Poisson sampling: every step takes each example with the sampling rate, independently of all others. The user declared it, and nothing checked it. A data set that is shuffled and cut into batches does not have this guarantee.",
        _ => "- Poisson sampling: every step takes each example with the sampling rate, independently of all others. The batches were drawn so by the loader, and one step was made of each.",
    };

    /// <inheritdoc/>
    public override DpEvent EventOf(DpEvent mechanism) => IsSecret ? new PoissonSampledDpEvent(Probability, mechanism) : mechanism;

    /// <summary>Two are equal when they describe the same sampling, whichever loader does it.</summary>
    /// <param name="other">What to compare with.</param>
    public bool Equals(PoissonSampling? other) =>
        other is not null && (Probability, DatasetSize, IsSecret) == (other.Probability, other.DatasetSize, other.IsSecret);

    /// <inheritdoc/>
    public override int GetHashCode() => HashCode.Combine(Probability, DatasetSize, IsSecret);
}
