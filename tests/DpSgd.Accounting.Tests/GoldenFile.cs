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
        var rows = JsonSerializer.Deserialize<T[]>(File.ReadAllText(Path.Combine(AppContext.BaseDirectory, "Golden", name)), Options);
        rows.Should().NotBeNullOrEmpty();
        return rows!;
    }
}
