namespace DpSgd.Accounting;

/// <summary>
/// Randomised response (Warner 1965) over <see cref="NumBuckets"/> values: with probability <see cref="NoiseParameter"/> the
/// answer is drawn uniformly from all of them, otherwise it is the truth.
/// </summary>
/// <remarks>
/// Every example answers once: nobody is added or removed, so only the two relations of replacement apply. Replacing by the
/// special example means an answer that is uniform.
/// </remarks>
/// <param name="NoiseParameter">Probability, in [0, 1], of an answer that does not depend on the truth. Zero is no privacy at all.</param>
/// <param name="NumBuckets">How many values there are, at least one.</param>
/// <exception cref="ArgumentOutOfRangeException"><paramref name="NoiseParameter"/> is NaN or outside [0, 1], or <paramref name="NumBuckets"/> is less than one.</exception>
public sealed record RandomizedResponseDpEvent(double NoiseParameter, long NumBuckets) : DpEvent
{
    /// <summary>Probability, in [0, 1], of an answer that does not depend on the truth. Zero is no privacy at all.</summary>
    public double NoiseParameter
    {
        get;
        init => field = Guard.Probability(value, nameof(NoiseParameter));
    } = Guard.Probability(NoiseParameter);

    /// <summary>How many values there are, at least one.</summary>
    public long NumBuckets
    {
        get;
        init => field = Guard.AtLeast(1, value, nameof(NumBuckets));
    } = Guard.AtLeast(1, NumBuckets);
}
