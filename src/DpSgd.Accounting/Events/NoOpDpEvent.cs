namespace DpSgd.Accounting;

/// <summary>Nothing was released: the cost is zero.</summary>
public sealed record NoOpDpEvent : DpEvent;
