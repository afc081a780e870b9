using DpSgd.Accounting;

namespace DpSgd;

/// <summary>What the accountants of this library can do beyond <see cref="IPrivacyAccountant"/>.</summary>
internal static class KnownAccountant
{
    /// <summary>What was composed so far; null if the accountant cannot say.</summary>
    public static IReadOnlyList<LedgerEntry>? Ledger(IPrivacyAccountant accountant) => accountant switch
    {
        RdpAccountant rdp => rdp.Ledger,
        PldAccountant pld => pld.Ledger,
        _ => null,
    };

    /// <summary>A copy for questions of the kind "what if"; null if there is none.</summary>
    public static IPrivacyAccountant? Clone(IPrivacyAccountant accountant) => accountant switch
    {
        RdpAccountant rdp => rdp.Clone(),
        PldAccountant pld => pld.Clone(),
        _ => null,
    };

    /// <summary>Epsilon, and the Rényi order that proves it if one does.</summary>
    public static (double Epsilon, double? OptimalOrder) Epsilon(IPrivacyAccountant accountant, double delta) =>
        accountant is RdpAccountant rdp ? rdp.GetEpsilonAndOptimalOrder(delta) : (accountant.GetEpsilon(delta), null);
}
