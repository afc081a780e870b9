namespace DpSgd.Accounting;

/// <summary>
/// What was composed so far: every distinct event once, in the order of first sight, with how often it happened.
/// Compositions are taken apart into their events, because the accountants need nothing but the counts. Not safe for
/// several threads; the accountant that owns it holds the lock.
/// </summary>
internal sealed class EventLedger
{
    private readonly Dictionary<DpEvent, int> _position = [];
    private readonly List<LedgerEntry> _entries = [];

    /// <summary>The lines, in the order of first sight.</summary>
    public IReadOnlyList<LedgerEntry> Entries => _entries;

    /// <summary>Whether an equal event was entered before.</summary>
    public bool Contains(DpEvent dpEvent) => _position.ContainsKey(dpEvent);

    /// <summary>
    /// Takes compositions apart, however they are nested: their counts multiply, and equal events are added up.
    /// </summary>
    /// <param name="dpEvent">What happened.</param>
    /// <param name="count">How often, at least once.</param>
    /// <returns>Distinct events that are no compositions, in the order of first sight.</returns>
    /// <exception cref="OverflowException">An event happened more often than a <see cref="long"/> can count.</exception>
    public static IReadOnlyList<LedgerEntry> TakeApart(DpEvent dpEvent, long count)
    {
        // The usual event is no composition: spare it the stack and the dictionary.
        if (dpEvent is not (SelfComposedDpEvent or ComposedDpEvent))
            return [new LedgerEntry(dpEvent, count)];

        // Events that are used in several places are looked at once, or nesting would cost twice as much at every level. First
        // all events in the order of first sight, with how many uses each has; then the counts, of an event when all of its
        // uses are known.
        var uses = new Dictionary<DpEvent, int>(ReferenceEqualityComparer.Instance);
        var leaves = new List<DpEvent>();
        var pending = new Stack<DpEvent>([dpEvent]);
        while (pending.TryPop(out var next))
        {
            if (uses.TryGetValue(next, out var before))
            {
                uses[next] = before + 1;
                continue;
            }

            uses.Add(next, 1);
            if (next is not (SelfComposedDpEvent or ComposedDpEvent))
                leaves.Add(next);

            // The last pushed is the first popped, and the first event is to be seen first.
            foreach (var (part, _) in Parts(next).Reverse())
                pending.Push(part);
        }

        var counts = new Dictionary<DpEvent, long>(ReferenceEqualityComparer.Instance) { [dpEvent] = count };
        pending.Push(dpEvent);
        while (pending.TryPop(out var next))
        {
            foreach (var (part, times) in Parts(next))
            {
                var more = Multiply(times, counts[next]);
                var soFar = counts.GetValueOrDefault(part);
                counts[part] = soFar <= long.MaxValue - more ? soFar + more : throw TooMany();
                if (--uses[part] == 0)
                    pending.Push(part);
            }
        }

        var parts = new EventLedger();
        foreach (var leaf in leaves)
            parts.Enter([new LedgerEntry(leaf, counts[leaf])]);
        return parts.Entries;
    }

    // What a composition consists of, one level down.
    private static IEnumerable<LedgerEntry> Parts(DpEvent dpEvent) => dpEvent switch
    {
        SelfComposedDpEvent repeated => [new LedgerEntry(repeated.Event, repeated.Count)],
        ComposedDpEvent composed => composed.Events.Select(part => new LedgerEntry(part, 1)),
        _ => [],
    };

    /// <summary>Enters all of the given events or, when one of the counts overflows, none of them.</summary>
    /// <param name="parts">Distinct events, as <see cref="TakeApart"/> gives them.</param>
    /// <exception cref="OverflowException">An event happened more often than a <see cref="long"/> can count.</exception>
    public void Enter(IReadOnlyList<LedgerEntry> parts)
    {
        foreach (var part in parts)
        {
            if (_position.TryGetValue(part.Event, out var at) && _entries[at].Count > long.MaxValue - part.Count)
                throw TooMany();
        }

        foreach (var part in parts)
        {
            if (_position.TryGetValue(part.Event, out var at))
            {
                _entries[at] = part with { Count = _entries[at].Count + part.Count };
            }
            else
            {
                _position.Add(part.Event, _entries.Count);
                _entries.Add(part);
            }
        }
    }

    private static long Multiply(long a, long b) => a <= long.MaxValue / b ? a * b : throw TooMany();

    private static OverflowException TooMany() =>
        new("The same event would have happened more than 9223372036854775807 times, which the ledger cannot count. Nothing was entered.");
}
