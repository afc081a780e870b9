using DpSgd.Accounting;

namespace DpSgd;

/// <summary>
/// A Poisson sample of which, when it has more than <see cref="MaxBatchSize"/> examples, so many are kept at random, each
/// set of them as likely as any other (Ganesh, Mckenna, arXiv:2508.15089, as JAX-Privacy has it). No batch is larger than the
/// memory was made for.
/// </summary>
/// <remarks>
/// An example that joins can push another one out, which costs more than joining alone: where truncation is rare, as with
/// a maximum of five standard deviations above the mean, epsilon is that of <see cref="PoissonSampling"/> to several digits.
/// <see cref="PldAccountant"/> has the bound, and is made when no accountant is given. Best taken from a loader, as
/// <see cref="BatchSampling"/> says.
/// </remarks>
/// <param name="Probability">Probability, in (0, 1], with which each example is in the Poisson sample.</param>
/// <param name="DatasetSize">Number of examples to choose from, at least one. It counts as public, and so does the probability.</param>
/// <param name="MaxBatchSize">The most examples of a batch, from one to <paramref name="DatasetSize"/>.</param>
/// <exception cref="ArgumentOutOfRangeException">An argument is NaN or outside its range.</exception>
public sealed record TruncatedPoissonSampling(double Probability, long DatasetSize, long MaxBatchSize) : BatchSampling(DatasetSize)
{
    /// <summary>Probability, in (0, 1], with which each example is in the Poisson sample.</summary>
    public double Probability
    {
        get;
        init => field = Guard.PositiveProbability(value, nameof(Probability));
    } = Guard.PositiveProbability(Probability);

    /// <summary>The most examples of a batch, from one to the number of examples.</summary>
    public long MaxBatchSize
    {
        get;
        init => field = Guard.Between(1, DatasetSize, value, nameof(MaxBatchSize));
    } = Guard.Between(1, Guard.AtLeast(1, DatasetSize), MaxBatchSize);

    /// <summary>
    /// What the sum of gradients is divided by: the average size of the Poisson sample, or the maximum where that is smaller.
    /// A batch has a little less on average.
    /// </summary>
    public override double ExpectedBatchSize => Math.Min(Probability * DatasetSize, MaxBatchSize);

    // Who is in the sample has been there once on average, even if truncation drops many.
    internal override long BatchesPerEpoch => new PoissonSampling(Probability, DatasetSize).BatchesPerEpoch;

    internal override bool HasFixedSizes => false;

    internal override string AccountantsToUse => "For truncated Poisson samples write Accountant = new PldAccountant(), and leave the noise as it is by default";

    /// <inheritdoc/>
    /// <exception cref="NotSupportedException">The mechanism is not a Gaussian one.</exception>
    public override DpEvent EventOf(DpEvent mechanism) => (IsSecret, mechanism) switch
    {
        (false, _) => mechanism,
        (true, GaussianDpEvent gaussian) => new TruncatedSubsampledGaussianDpEvent(DatasetSize, Probability, MaxBatchSize, gaussian.NoiseMultiplier),
        _ => throw new NotSupportedException($"No bound is known for {mechanism.GetType().Name} on a truncated Poisson sample."),
    };

    internal static TruncatedPoissonSampling Of(int expectedBatchSize, int maxBatchSize, long examples) =>
        new((double)Guard.Between(1, examples, expectedBatchSize) / examples, examples, Guard.Between(1, examples, maxBatchSize));

    internal override IEnumerable<long[]> Draw(RandomWords random)
    {
        var sampler = new PoissonSampler(DatasetSize, Probability, random);
        for (var i = BatchesPerEpoch; i > 0; i--)
            yield return Truncate(sampler.Draw(), random);
    }

    internal override bool CanHave(long batchSize) => batchSize <= MaxBatchSize;

    private long[] Truncate(long[] sample, RandomWords random)
    {
        if (sample.Length <= MaxBatchSize)
            return sample;
        Array.Sort(sample = RandomOrder.First((int)MaxBatchSize, sample, random));
        return sample;
    }
}
