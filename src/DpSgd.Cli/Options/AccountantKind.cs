using System.CommandLine;
using DpSgd.Accounting;

namespace DpSgd.Cli.Options;

/// <summary>How costs are added up.</summary>
internal enum AccountantKind
{
    Rdp,
    Pld,
}

internal static class AccountantKinds
{
    public static readonly (string Word, AccountantKind Value)[] Words = [("rdp", AccountantKind.Rdp), ("pld", AccountantKind.Pld)];

    public static readonly Option<AccountantKind> Option = ChoiceOption.One(
        "--accountant", "Rényi differential privacy, which the field reports, or privacy loss distributions, which are tighter.", Words);

    public static IPrivacyAccountant Create(this AccountantKind kind) => kind == AccountantKind.Pld ? new PldAccountant() : new RdpAccountant();

    public static string Word(this AccountantKind kind) => kind == AccountantKind.Pld ? "pld" : "rdp";
}
