namespace DpSgd.Accounting;

/// <summary>
/// All of <see cref="Events"/> happened, on the same data; each may have been chosen after seeing the earlier results.
/// </summary>
/// <param name="Events">What happened. The list is copied, so that it cannot change later. Empty is no cost.</param>
/// <exception cref="ArgumentNullException"><paramref name="Events"/>, or one of them, is null.</exception>
public sealed record ComposedDpEvent(IReadOnlyList<DpEvent> Events) : DpEvent
{
    /// <summary>What happened.</summary>
    public IReadOnlyList<DpEvent> Events
    {
        get;
        init => field = Copy(value);
    } = Copy(Events);

    /// <summary>Two compositions are equal when their events are, in order.</summary>
    /// <param name="other">The composition to compare with.</param>
    public bool Equals(ComposedDpEvent? other) => other is not null && Events.SequenceEqual(other.Events);

    /// <inheritdoc/>
    public override int GetHashCode()
    {
        var hash = new HashCode();
        foreach (var e in Events)
            hash.Add(e);
        return hash.ToHashCode();
    }

    private static IReadOnlyList<DpEvent> Copy(IReadOnlyList<DpEvent> events) =>
        Array.AsReadOnly(Guard.NotNull(events).Select(e => Guard.NotNull(e, nameof(Events))).ToArray());
}
