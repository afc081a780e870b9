using DpSgd.Accounting;

namespace DpSgd;

/// <summary>
/// One optimizer's way into the ledger: each step is checked against the budget, composed, and written to the journal of
/// the checkpoint if there is one, all before the weights change.
/// </summary>
/// <param name="accountant">The ledger's accountant, perhaps shared with other optimizers.</param>
/// <param name="budget">What may be spent; null for as much as there is.</param>
internal sealed class OptimizerLedger(IPrivacyAccountant accountant, PrivacyBudget? budget) : IDisposable
{
    private readonly SharedLedger _shared = SharedLedger.Of(accountant);
    private readonly Guid _author = Guid.NewGuid();
    private StepJournal? _journal;

    /// <summary>Enters a step that is about to be taken.</summary>
    /// <exception cref="PrivacyBudgetExceededException">The budget does not allow it. Nothing was entered.</exception>
    /// <exception cref="NotSupportedException">The accountant has no bound for it. Nothing was entered.</exception>
    /// <exception cref="IOException">The journal cannot be written. The step is in the ledger, and must not be taken.</exception>
    public void Enter(DpEvent step)
    {
        _shared.Enter(_author, step, budget);
        _journal?.Append(step);
    }

    /// <summary>How many more steps of a kind may be taken.</summary>
    public long StepsLeft(DpEvent step) => budget is null ? long.MaxValue : _shared.StepsLeft(step, budget);

    /// <summary>All that optimizers entered, each event once.</summary>
    public IReadOnlyList<LedgerEntry> Entries() =>
        [.. Parts().SelectMany(part => part.Entries).GroupBy(entry => entry.Event, entry => entry.Count).Select(group => new LedgerEntry(group.Key, group.Sum()))];

    /// <summary>A copy of all that is in the ledger, for a checkpoint.</summary>
    public LedgerPart[] Parts() => _shared.Parts();

    /// <summary>Enters what of a checkpoint's ledger is not in this one yet.</summary>
    public void Merge(IEnumerable<LedgerPart> parts) => _shared.Merge(parts);

    /// <summary>From now on writes each step down beside a checkpoint, so that not even a crash makes it forgotten.</summary>
    public void KeepJournal(string checkpoint)
    {
        // Two optimizers that take each other's steps for theirs would lose some: only our own are added to this journal.
        var next = StepJournal.Start(checkpoint, _author, Parts());
        _journal?.Dispose();
        _journal = next;
    }

    public void Dispose() => _journal?.Dispose();
}
