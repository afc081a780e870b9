namespace DpSgd.Accounting;

/// <summary>
/// The Gaussian mechanism on a truncated Poisson sample, as JAX-Privacy draws it (Ganesh, Mckenna, arXiv:2508.15089): when a Poisson
/// sample has more than <see cref="TruncatedBatchSize"/> examples, so many of them are kept at random.
/// </summary>
/// <remarks>
/// Truncation lets the presence of one example push out another: a plain Poisson guarantee does not hold.
/// </remarks>
/// <param name="DatasetSize">Examples in the data set, at least zero: in the larger of two neighbouring ones.</param>
/// <param name="SamplingProbability">Probability, in [0, 1], of the Poisson sample.</param>
/// <param name="TruncatedBatchSize">Most examples of a batch, at least zero.</param>
/// <param name="NoiseMultiplier">Standard deviation of the noise over C, in [0, infinity]. Zero is no privacy at all.</param>
/// <exception cref="ArgumentOutOfRangeException"><paramref name="DatasetSize"/> is negative, or <paramref name="SamplingProbability"/> is NaN or outside [0, 1], or <paramref name="TruncatedBatchSize"/> is negative, or <paramref name="NoiseMultiplier"/> is NaN or negative.</exception>
public sealed record TruncatedSubsampledGaussianDpEvent(long DatasetSize, double SamplingProbability, long TruncatedBatchSize, double NoiseMultiplier) : DpEvent
{
    /// <summary>Examples in the data set, at least zero.</summary>
    public long DatasetSize
    {
        get;
        init => field = Guard.AtLeast(0, value, nameof(DatasetSize));
    } = Guard.AtLeast(0, DatasetSize);

    /// <summary>Probability, in [0, 1], of the Poisson sample.</summary>
    public double SamplingProbability
    {
        get;
        init => field = Guard.Probability(value, nameof(SamplingProbability));
    } = Guard.Probability(SamplingProbability);

    /// <summary>Most examples of a batch, at least zero.</summary>
    public long TruncatedBatchSize
    {
        get;
        init => field = Guard.AtLeast(0, value, nameof(TruncatedBatchSize));
    } = Guard.AtLeast(0, TruncatedBatchSize);

    /// <summary>Standard deviation of the noise over C, in [0, infinity]. Zero is no privacy at all.</summary>
    public double NoiseMultiplier
    {
        get;
        init => field = Guard.NonNegative(value, nameof(NoiseMultiplier));
    } = Guard.NonNegative(NoiseMultiplier);
}
