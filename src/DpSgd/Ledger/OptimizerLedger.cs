using DpSgd.Accounting;
using DpSgd.Checkpoints;

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
    private readonly Dictionary<string, (IDisposable Claim, StepJournal Journal)> _kept = [];

    /// <summary>Enters a step that is about to be taken.</summary>
    /// <exception cref="PrivacyBudgetExceededException">The budget does not allow it. Nothing was entered.</exception>
    /// <exception cref="NotSupportedException">The accountant has no bound for it. Nothing was entered.</exception>
    /// <exception cref="IOException">The journal cannot be written. The step is in the ledger, and must not be taken.</exception>
    public void Enter(DpEvent step)
    {
        _shared.Enter(_author, step, budget);
        foreach (var (_, journal) in _kept.Values)
            journal.Append(step);
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

    /// <summary>
    /// Saves or loads a checkpoint, and from then on writes each step down beside it, so that not even a crash makes it
    /// forgotten: beside every checkpoint of this run, since any of them may be gone on from.
    /// </summary>
    /// <param name="checkpoint">Path of the checkpoint. It is this optimizer's alone from here on.</param>
    /// <param name="saveOrLoad">What is done to it first.</param>
    public void Keep(string checkpoint, Action saveOrLoad)
    {
        var path = Path.GetFullPath(DurableFile.CurrentOf(checkpoint));
        var claim = _kept.TryGetValue(path, out var before) ? before.Claim : CheckpointClaim.Take(path);
        try
        {
            saveOrLoad();
            // Two optimizers that take each other's steps for theirs would lose some: only our own are added to this journal.
            var journal = StepJournal.Start(path, _author, Parts());
            before.Journal?.Dispose();
            _kept[path] = (claim, journal);
        }
        catch when (before.Claim is null)
        {
            claim.Dispose();
            throw;
        }
        ForgetDeleted();
    }

    public void Dispose()
    {
        foreach (var kept in _kept.Values)
            LetGo(kept);
    }

    /// <summary>Nobody goes on from a checkpoint that is gone.</summary>
    private void ForgetDeleted()
    {
        foreach (var path in _kept.Keys.Where(path => !File.Exists(path) && !File.Exists(path + DurableFile.Previous)).ToList())
        {
            _kept.Remove(path, out var kept);
            LetGo(kept);
        }
    }

    private static void LetGo((IDisposable Claim, StepJournal Journal) kept)
    {
        kept.Journal.Dispose();
        kept.Claim.Dispose();
    }
}
