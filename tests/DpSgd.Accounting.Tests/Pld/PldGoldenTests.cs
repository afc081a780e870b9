using System.Text.Json;

namespace DpSgd.Accounting.Tests.Pld;

/// <summary>
/// Every query of pld.json. Below the exact value an epsilon would be a false promise; above the larger of the exact value
/// and the reference's it would be a worse one than the field's.
/// </summary>
public class PldGoldenTests
{
    public static TheoryData<int> Rows => [.. Enumerable.Range(0, GoldenFile.Rows("pld.json").Count)];

    [Theory]
    [MemberData(nameof(Rows))]
    public void Bounds_are_bounds_and_tight(int number)
    {
        var row = GoldenFile.Rows("pld.json")[number];
        var accountant = new PldAccountant(Relation(row));
        foreach (var (dpEvent, count) in Events(row))
            accountant.Compose(dpEvent, count);

        foreach (var query in row.GetProperty("queries").EnumerateArray())
        {
            if (query.TryGetProperty("delta", out var delta))
            {
                var at = delta.GetDouble();
                Check(query, "eps", accountant.GetEpsilon(at), accountant.GetEpsilonLowerBound(at));
            }
            else
            {
                var at = query.GetProperty("epsilon").GetDouble();
                Check(query, "delta", accountant.GetDelta(at), accountant.GetDeltaLowerBound(at));
            }
        }
    }

    private static void Check(JsonElement query, string name, double upper, double lower)
    {
        var reference = query.GetProperty(name + "_ref")[0].Number();
        var exact = query.GetProperty(name + "_exact");
        lower.Should().BeInRange(0, upper, "{0}", query);
        if (exact.ValueKind == JsonValueKind.Null)
        {
            upper.Should().BeInRange(0, reference * (1 + 1e-5) + 1e-9, "{0}", query);
            return;
        }

        var truth = exact.Number();
        lower.Should().BeLessThanOrEqualTo(truth * (1 + 1e-8), "{0}", query);
        upper.Should().BeGreaterThanOrEqualTo(truth * (1 - 1e-8), "{0}", query);
        upper.Should().BeLessThanOrEqualTo((Math.Max(reference, truth) * (1 + 1e-5)) + 1e-9, "{0}", query);
    }

    private static NeighboringRelation Relation(JsonElement row) => row.GetProperty("relation").GetString() switch
    {
        "add_or_remove" => NeighboringRelation.AddOrRemoveOne,
        "replace_one" => NeighboringRelation.ReplaceOne,
        _ => NeighboringRelation.ReplaceSpecial,
    };

    private static IEnumerable<(DpEvent Event, long Count)> Events(JsonElement row)
    {
        if (row.TryGetProperty("events", out var events))
            return events.EnumerateArray().Select(part => (Event(part, part.GetProperty("type").GetString()!), part.Integer("count")));
        return [(Event(row, row.GetProperty("kind").GetString()!["pld_".Length..]), row.Integer("steps"))];
    }

    private static DpEvent Event(JsonElement row, string kind) => kind switch
    {
        "dpsgd" or "poisson_gaussian" => new PoissonSampledDpEvent(row.Number("q"), new GaussianDpEvent(row.Number("sigma"))),
        "gaussian" => new GaussianDpEvent(row.Number("sigma")),
        "laplace" => new LaplaceDpEvent(row.Number("scale")),
        "sampled_laplace" => new PoissonSampledDpEvent(row.Number("q"), new LaplaceDpEvent(row.Number("scale"))),
        "mixture_of_gaussians" => new MixtureOfGaussiansDpEvent(row.Number("sigma"), row.Numbers("sensitivities"), row.Numbers("probs")),
        "truncated_poisson" => new TruncatedSubsampledGaussianDpEvent(
            row.Integer("dataset_size"), row.Number("q"), row.Integer("truncated_batch_size"), row.Number("sigma")),
        "epsilon_delta" => new EpsilonDeltaDpEvent(row.Number("epsilon"), row.Number("delta")),
        "discrete_laplace" => new DiscreteLaplaceDpEvent(row.Number("parameter"), row.Integer("sensitivity")),
        "randomized_response" => new RandomizedResponseDpEvent(row.Number("noise_parameter"), row.Integer("num_buckets")),
        _ => throw new InvalidOperationException($"Unknown kind {kind}."),
    };
}
