namespace DpSgd.Accounting;

/// <summary><see cref="Event"/> happened <see cref="Count"/> times, each time with fresh randomness.</summary>
public sealed record SelfComposedDpEvent : DpEvent
{
    /// <summary>Describes the repetition of one event.</summary>
    /// <param name="Event">What was repeated.</param>
    /// <param name="Count">How often, at least once.</param>
    /// <exception cref="ArgumentNullException"><paramref name="Event"/> is null.</exception>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="Count"/> is less than one.</exception>
    public SelfComposedDpEvent(DpEvent Event, long Count)
    {
        this.Event = Event;
        this.Count = Count;
    }

    /// <summary>What was repeated.</summary>
    public DpEvent Event
    {
        get;
        init => field = Guard.NotNull(value, nameof(Event));
    }

    /// <summary>How often, at least once.</summary>
    public long Count
    {
        get;
        init => field = Guard.AtLeast(1, value, nameof(Count));
    }
}
