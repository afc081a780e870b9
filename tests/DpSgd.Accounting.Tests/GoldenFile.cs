using System.Globalization;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace DpSgd.Accounting.Tests;

/// <summary>Reference values beside the tests. Infinities are the strings "Infinity" and "-Infinity".</summary>
internal static class GoldenFile
{
    private static readonly JsonSerializerOptions Options = new()
    {
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
        NumberHandling = JsonNumberHandling.AllowNamedFloatingPointLiterals,
    };

    public static IReadOnlyList<T> Read<T>(string name)
    {
        var rows = JsonSerializer.Deserialize<T[]>(File.ReadAllText(PathOf(name)), Options);
        rows.Should().NotBeNullOrEmpty();
        return rows!;
    }

    /// <summary>For files whose rows are of many kinds.</summary>
    public static IReadOnlyList<JsonElement> Rows(string name)
    {
        using var document = JsonDocument.Parse(File.ReadAllText(PathOf(name)));
        var rows = document.RootElement.Clone().EnumerateArray().ToArray();
        rows.Should().NotBeEmpty();
        return rows;
    }

    public static IEnumerable<JsonElement> Rows(string name, string kind) =>
        Rows(name).Where(row => row.GetProperty("kind").GetString() == kind);

    public static double Number(this JsonElement value) => value.ValueKind == JsonValueKind.String
        ? double.Parse(value.GetString()!, CultureInfo.InvariantCulture)
        : value.GetDouble();

    public static double Number(this JsonElement row, string name) => row.GetProperty(name).Number();

    public static double[] Numbers(this JsonElement row, string name) => [.. row.GetProperty(name).EnumerateArray().Select(Number)];

    public static long Integer(this JsonElement row, string name) => row.GetProperty(name).GetInt64();

    private static string PathOf(string name) => Path.Combine(AppContext.BaseDirectory, "Golden", name);
}
