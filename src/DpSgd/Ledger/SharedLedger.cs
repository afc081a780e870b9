using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using DpSgd.Accounting;

namespace DpSgd;

/// <summary>
/// What optimizers enter into one accountant, author by author. There is one for each accountant, so that optimizers that
/// share an accountant also share budgets, from however many threads.
/// </summary>
internal sealed class SharedLedger
{
    private static readonly ConditionalWeakTable<IPrivacyAccountant, SharedLedger> All = [];

    private readonly Lock _lock = new();
    private readonly IPrivacyAccountant _accountant;
    private readonly Dictionary<Guid, Dictionary<DpEvent, long>> _parts = [];
    private readonly Dictionary<PrivacyBudget, BudgetMeter> _meters = [];
    private readonly Guid _others = Guid.NewGuid();   // who composed without an optimizer

    private SharedLedger(IPrivacyAccountant accountant) => _accountant = accountant;

    public static SharedLedger Of(IPrivacyAccountant accountant) => All.GetValue(accountant, a => new SharedLedger(a));

    /// <summary>Enters one step, if the budget allows it.</summary>
    /// <param name="author">Who takes it.</param>
    /// <param name="step">What it is.</param>
    /// <param name="budget">Null if there is none.</param>
    /// <exception cref="PrivacyBudgetExceededException">The budget does not allow it. Nothing was entered.</exception>
    /// <exception cref="NotSupportedException">The accountant has no bound for it. Nothing was entered.</exception>
    public void Enter(Guid author, DpEvent step, PrivacyBudget? budget)
    {
        lock (_lock)
        {
            var meter = budget is null ? null : Meter(budget);
            meter?.RefuseOverspending(step);
            _accountant.Compose(step);
            Add(author, step, 1);
            meter?.Count();
        }
    }

    /// <summary>How many more steps of a kind a budget allows.</summary>
    public long StepsLeft(DpEvent step, PrivacyBudget budget)
    {
        lock (_lock)
            return Meter(budget).StepsLeft(step);
    }

    /// <summary>A copy of all parts.</summary>
    public LedgerPart[] Parts()
    {
        lock (_lock)
        {
            var parts = _parts.Select(part => new LedgerPart(part.Key, Entries(part.Value)));
            return Others() is { Count: > 0 } others ? [.. parts, new(_others, Entries(others))] : [.. parts];
        }
    }

    /// <summary>Enters what of a copy of a ledger is not in this one yet.</summary>
    /// <exception cref="NotSupportedException">The accountant has no bound for some of it. Parts may have been entered, which can only make epsilon larger.</exception>
    public void Merge(IEnumerable<LedgerPart> parts)
    {
        lock (_lock)
        {
            foreach (var part in parts)
            {
                var known = part.Author == _others ? Others() : _parts.GetValueOrDefault(part.Author);
                foreach (var (step, count) in part.Entries)
                {
                    var missing = count - (known?.GetValueOrDefault(step) ?? 0);
                    if (missing <= 0)
                        continue;
                    _accountant.Compose(step, missing);
                    if (part.Author != _others)
                        Add(part.Author, step, missing);
                }
            }
        }
    }

    /// <summary>What is in the accountant and in no part.</summary>
    private Dictionary<DpEvent, long> Others()
    {
        var others = (KnownAccountant.Ledger(_accountant) ?? []).ToDictionary(entry => entry.Event, entry => entry.Count);
        foreach (var (step, count) in _parts.Values.SelectMany(part => part))
        {
            foreach (var (simple, times) in EventLedger.TakeApart(step, count))
            {
                if (others.TryGetValue(simple, out var all) && all > times)
                    others[simple] = all - times;
                else
                    others.Remove(simple);
            }
        }
        return others;
    }

    private void Add(Guid author, DpEvent step, long count)
    {
        if (!_parts.TryGetValue(author, out var part))
            _parts[author] = part = [];
        CollectionsMarshal.GetValueRefOrAddDefault(part, step, out _) += count;
    }

    private BudgetMeter Meter(PrivacyBudget budget)
    {
        if (!_meters.TryGetValue(budget, out var meter))
            _meters[budget] = meter = new(_accountant, budget);
        return meter;
    }

    private static LedgerEntry[] Entries(Dictionary<DpEvent, long> part) => [.. part.Select(entry => new LedgerEntry(entry.Key, entry.Value))];
}
