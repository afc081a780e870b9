namespace DpSgd.Accounting;

/// <summary>How accountants refuse an event.</summary>
internal static class Unsupported
{
    /// <summary>The exception that names the accountant, the event and the neighbouring relation.</summary>
    public static NotSupportedException Event(string accountant, DpEvent dpEvent, NeighboringRelation relation) =>
        new($"{accountant} has no bound for {Name(dpEvent)} under {relation}. Nothing was entered.");

    private static string Name(DpEvent dpEvent) => dpEvent switch
    {
        PoissonSampledDpEvent sampled => $"{nameof(PoissonSampledDpEvent)} of {Name(sampled.Event)}",
        SampledWithReplacementDpEvent sampled => $"{nameof(SampledWithReplacementDpEvent)} of {Name(sampled.Event)}",
        SampledWithoutReplacementDpEvent sampled => $"{nameof(SampledWithoutReplacementDpEvent)} of {Name(sampled.Event)}",
        RepeatAndSelectDpEvent repeated => $"{nameof(RepeatAndSelectDpEvent)} of {Name(repeated.Event)}",
        _ => dpEvent.GetType().Name,
    };
}
