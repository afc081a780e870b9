using DpSgd.Accounting;

namespace DpSgd;

/// <summary>Finds the accountant for a way of sampling and its noise, and refuses one that has no bound for them before anything is trained.</summary>
internal static class SamplingAccountant
{
    /// <summary>The accountant that was given, or one that has a bound for the sampling.</summary>
    /// <exception cref="ArgumentException">The accountant has no bound for the sampling; or none was given, and which one decides what the guarantee is about.</exception>
    public static IPrivacyAccountant For(DPOptimizerOptions options)
    {
        var (sampling, given) = (options.Sampling, options.Accountant);
        var accountant = given ?? (sampling is TruncatedPoissonSampling ? new PldAccountant() : new RdpAccountant());
        if (sampling?.IsAbout(accountant.NeighboringRelation) == false)
            throw Refuse(sampling, $"{(given is null ? "The default accountant's" : "The accountant's")} neighbouring relation is {accountant.NeighboringRelation}");
        try
        {
            // A fresh one of its kind is asked. What a user's own accountant can do shows at the first step.
            Fresh(accountant)?.Compose(StepEvent.Example(options));
        }
        catch (NotSupportedException e)
        {
            throw Refuse(sampling, $"{accountant.GetType().Name} has no bound for such batches with this noise under {accountant.NeighboringRelation}", e);
        }
        return accountant;
    }

    private static IPrivacyAccountant? Fresh(IPrivacyAccountant accountant) => accountant switch
    {
        RdpAccountant => new RdpAccountant(neighboringRelation: accountant.NeighboringRelation),
        PldAccountant => new PldAccountant(accountant.NeighboringRelation),
        _ => null,
    };

    private static ArgumentException Refuse(BatchSampling? sampling, string reason, Exception? inner = null) =>
        new($"{reason}. {sampling?.AccountantsToUse ?? "Leave the noise as it is by default, or use RdpAccountant"}.", nameof(DPOptimizerOptions.Accountant), inner);
}
