namespace DpSgd.Accounting;

/// <summary><see cref="Event"/> happened <see cref="Count"/> times, each time with fresh randomness.</summary>
/// <param name="Event">What was repeated.</param>
/// <param name="Count">How often, at least once.</param>
/// <exception cref="ArgumentNullException"><paramref name="Event"/> is null.</exception>
/// <exception cref="ArgumentOutOfRangeException"><paramref name="Count"/> is less than one.</exception>
public sealed record SelfComposedDpEvent(DpEvent Event, long Count) : DpEvent
{
    /// <summary>What was repeated.</summary>
    public DpEvent Event
    {
        get;
        init => field = Guard.NotNull(value, nameof(Event));
    } = Guard.NotNull(Event);

    /// <summary>How often, at least once.</summary>
    public long Count
    {
        get;
        init => field = Guard.AtLeast(1, value, nameof(Count));
    } = Guard.AtLeast(1, Count);
}
