namespace DpSgd.Accounting;

/// <summary>Something was released without any protection: from then on epsilon is infinite.</summary>
public sealed record NonPrivateDpEvent : DpEvent;
