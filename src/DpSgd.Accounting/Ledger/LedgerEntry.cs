namespace DpSgd.Accounting;

/// <summary>One line of an accountant's ledger.</summary>
/// <param name="Event">What happened.</param>
/// <param name="Count">How often, all compositions of an equal event taken together.</param>
public readonly record struct LedgerEntry(DpEvent Event, long Count);
