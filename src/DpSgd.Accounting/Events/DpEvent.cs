namespace DpSgd.Accounting;

/// <summary>
/// Something that was done to private data, described by what it costs: the randomised mechanism alone, never the data
/// or its result. Accountants (<see cref="IPrivacyAccountant"/>) turn events into a guarantee.
/// </summary>
/// <remarks>
/// Events are immutable and compare by value. An accountant that cannot bound an event refuses it by name; it never
/// ignores it.
/// </remarks>
public abstract record DpEvent;
