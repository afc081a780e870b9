using DpSgd.Accounting;

namespace DpSgd;

/// <summary>
/// A part of a ledger with one author: one optimizer from its making to its end. Its counts only grow, so of two copies of
/// a part the one with larger counts is the later, and copies of a ledger are put together part by part: nothing is
/// forgotten, and nothing is counted twice, whichever copies come together in whatever order.
/// </summary>
/// <param name="Author">Who entered it: a random number.</param>
/// <param name="Entries">Each event once, with how often it happened.</param>
internal sealed record LedgerPart(Guid Author, LedgerEntry[] Entries);
