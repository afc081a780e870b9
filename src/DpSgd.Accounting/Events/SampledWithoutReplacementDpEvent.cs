namespace DpSgd.Accounting;

/// <summary>
/// <see cref="Event"/> was applied to a sample of fixed size, drawn without replacement: every set of
/// <see cref="SampleSize"/> of the <see cref="SourceDatasetSize"/> examples was as likely as any other.
/// </summary>
/// <remarks>
/// The number of examples is public, so only the replacement of an example has an amplified bound (Wang, Balle,
/// Kasiviswanathan, arXiv:1808.00087).
/// </remarks>
/// <param name="SourceDatasetSize">Examples to draw from, at least one.</param>
/// <param name="SampleSize">Examples in the sample, from zero to <see cref="SourceDatasetSize"/>.</param>
/// <param name="Event">What was done to the sample.</param>
/// <exception cref="ArgumentOutOfRangeException"><paramref name="SourceDatasetSize"/> is less than one, or <paramref name="SampleSize"/> is negative or larger than it.</exception>
/// <exception cref="ArgumentNullException"><paramref name="Event"/> is null.</exception>
public sealed record SampledWithoutReplacementDpEvent(long SourceDatasetSize, long SampleSize, DpEvent Event) : DpEvent
{
    /// <summary>Examples to draw from, at least one.</summary>
    public long SourceDatasetSize
    {
        get;
        init => field = Guard.AtLeast(1, value, nameof(SourceDatasetSize));
    } = Guard.AtLeast(1, SourceDatasetSize);

    /// <summary>Examples in the sample, from zero to <see cref="SourceDatasetSize"/>.</summary>
    public long SampleSize
    {
        get;
        init => field = Guard.Between(0, SourceDatasetSize, value, nameof(SampleSize));
    } = Guard.Between(0, SourceDatasetSize, SampleSize);

    /// <summary>What was done to the sample.</summary>
    public DpEvent Event
    {
        get;
        init => field = Guard.NotNull(value, nameof(Event));
    } = Guard.NotNull(Event);
}
