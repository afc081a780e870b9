namespace DpSgd.Accounting;

/// <summary>
/// <see cref="Event"/> was applied to a sample of fixed size, drawn with replacement. No accountant of this library has a bound
/// for it: the event exists so that it can be named when it is refused.
/// </summary>
/// <param name="SourceDatasetSize">Examples to draw from, at least one.</param>
/// <param name="SampleSize">Draws, at least zero.</param>
/// <param name="Event">What was done to the sample.</param>
/// <exception cref="ArgumentOutOfRangeException"><paramref name="SourceDatasetSize"/> is less than one, or <paramref name="SampleSize"/> is negative.</exception>
/// <exception cref="ArgumentNullException"><paramref name="Event"/> is null.</exception>
public sealed record SampledWithReplacementDpEvent(long SourceDatasetSize, long SampleSize, DpEvent Event) : DpEvent
{
    /// <summary>Examples to draw from, at least one.</summary>
    public long SourceDatasetSize
    {
        get;
        init => field = Guard.AtLeast(1, value, nameof(SourceDatasetSize));
    } = Guard.AtLeast(1, SourceDatasetSize);

    /// <summary>Draws, at least zero.</summary>
    public long SampleSize
    {
        get;
        init => field = Guard.AtLeast(0, value, nameof(SampleSize));
    } = Guard.AtLeast(0, SampleSize);

    /// <summary>What was done to the sample.</summary>
    public DpEvent Event
    {
        get;
        init => field = Guard.NotNull(value, nameof(Event));
    } = Guard.NotNull(Event);
}
