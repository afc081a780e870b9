using System.Globalization;
using System.Security.Cryptography;
using System.Text.Json;

namespace DpSgd.Accounting;

/// <summary>Writes and reads the state of accountants. A file that is damaged, newer or of another kind is refused.</summary>
internal static class StateFormat
{
    /// <summary>What the file says it is.</summary>
    public const string Name = "DpSgd accountant";

    /// <summary>How deep the text may be nested; every event within an event takes at most three levels.</summary>
    public const int MostLevels = 1024;

    private const int Version = 1;

    /// <summary>The text of a state.</summary>
    /// <exception cref="NotSupportedException">An event is nested too deep.</exception>
    public static string Write(AccountantState state)
    {
        try
        {
            return JsonSerializer.Serialize(new AccountantFile(Name, Version, Checksum(state), state), StateJson.Default.AccountantFile);
        }
        catch (JsonException e)
        {
            throw new NotSupportedException($"An event of the ledger is nested too deep to be written: the text would have more than {MostLevels} levels.", e);
        }
    }

    /// <summary>The accountant whose state is in a text.</summary>
    /// <param name="json">What <see cref="Write"/> wrote.</param>
    /// <param name="kind">Which accountant it must be.</param>
    /// <param name="create">Makes it, with nothing composed yet.</param>
    /// <exception cref="FormatException">The text cannot be trusted, or is of another kind.</exception>
    public static T Restore<T>(string json, string kind, Func<AccountantState, T> create)
        where T : IPrivacyAccountant
    {
        var state = Read(json, kind);
        try
        {
            var accountant = create(state);
            foreach (var (dpEvent, count) in state.Ledger)
                accountant.Compose(dpEvent, count);
            return accountant;
        }
        catch (Exception e) when (e is ArgumentException or NotSupportedException or OverflowException)
        {
            throw new FormatException("The state of the accountant is none that this library could have written.", e);
        }
    }

    /// <summary>The state in a text.</summary>
    /// <param name="json">What <see cref="Write"/> wrote.</param>
    /// <param name="accountant">Which accountant it must be.</param>
    /// <exception cref="FormatException">The text cannot be trusted, or is of another kind.</exception>
    private static AccountantState Read(string json, string accountant)
    {
        RefuseOtherVersions(json);
        AccountantFile file;
        try
        {
            file = JsonSerializer.Deserialize(json, StateJson.Default.AccountantFile) ?? throw Damaged(null);
        }
        catch (Exception e) when (e is JsonException or ArgumentException or NotSupportedException or InvalidOperationException)
        {
            throw Damaged(e);
        }

        if (file.Checksum != Checksum(file.State))
            throw Damaged(null);
        return file.State.Accountant == accountant
            ? file.State
            : throw new FormatException($"This is the state of an accountant of the kind \"{file.State.Accountant}\", not \"{accountant}\".");
    }

    // Before anything else: a newer format may look different in every other way.
    private static void RefuseOtherVersions(string json)
    {
        try
        {
            using var document = JsonDocument.Parse(json, new JsonDocumentOptions { MaxDepth = MostLevels });
            if (document.RootElement.ValueKind != JsonValueKind.Object
                || !document.RootElement.TryGetProperty("format", out var format) || format.ValueKind != JsonValueKind.String || format.GetString() != Name
                || !document.RootElement.TryGetProperty("version", out var version) || version.ValueKind != JsonValueKind.Number)
            {
                throw new FormatException("This is not the state of an accountant.");
            }

            if (!version.TryGetInt32(out var number) || number != Version)
            {
                throw new FormatException(string.Create(
                    CultureInfo.InvariantCulture, $"The state was written in version {version} of the format, but this library reads version {Version}."));
            }
        }
        catch (JsonException e)
        {
            throw Damaged(e);
        }
    }

    private static string Checksum(AccountantState state) =>
        Convert.ToHexStringLower(SHA256.HashData(JsonSerializer.SerializeToUtf8Bytes(state, StateJson.Default.AccountantState)));

    private static FormatException Damaged(Exception? inner) => new("The state of the accountant is damaged.", inner);
}
