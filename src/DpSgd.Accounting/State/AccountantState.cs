using System.Text.Json.Serialization;

namespace DpSgd.Accounting;

/// <summary>What an accountant is, as it is written down.</summary>
/// <param name="Accountant">Which accountant: "rdp" or "pld".</param>
/// <param name="NeighboringRelation">Its neighbouring relation.</param>
/// <param name="Ledger">What was composed.</param>
/// <param name="Orders">Orders, for "rdp" alone.</param>
/// <param name="ValueDiscretizationInterval">Interval, for "pld" alone.</param>
internal sealed record AccountantState(
    string Accountant,
    NeighboringRelation NeighboringRelation,
    IReadOnlyList<LedgerEntry> Ledger,
    IReadOnlyList<double>? Orders = null,
    double? ValueDiscretizationInterval = null);

/// <summary>The file: what makes it recognisable, and the state.</summary>
/// <param name="Format">Always <see cref="StateFormat.Name"/>.</param>
/// <param name="Version">Version of the format.</param>
/// <param name="Checksum">Of the state, so that damage is seen.</param>
/// <param name="State">The state.</param>
internal sealed record AccountantFile(string Format, int Version, string Checksum, AccountantState State);

/// <summary>Serialisation without reflection, so that the library may be trimmed and compiled ahead of time.</summary>
[JsonSourceGenerationOptions(
    WriteIndented = true,
    MaxDepth = StateFormat.MostLevels,
    NewLine = "\n",
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase,
    NumberHandling = JsonNumberHandling.AllowNamedFloatingPointLiterals,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
    UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow,
    RespectRequiredConstructorParameters = true,
    RespectNullableAnnotations = true,
    Converters = [typeof(StrictEnumConverter)])]
[JsonSerializable(typeof(AccountantFile))]
[JsonSerializable(typeof(LedgerEntry[]))]
internal sealed partial class StateJson : JsonSerializerContext;

/// <summary>Neighbouring relations by name, never by number.</summary>
internal sealed class StrictEnumConverter() : JsonStringEnumConverter<NeighboringRelation>(namingPolicy: null, allowIntegerValues: false);
