using System.Text.Json;

namespace DpSgd.Accounting.Tests.Pld;

/// <summary>
/// pld_random.json: compositions at random, and their delta by another method than any grid: the inversion of the moment
/// generating function on a line through its saddle point, kept where two lines and two quadratures agree to 1e-8.
/// </summary>
public class PldInversionTests
{
    public static TheoryData<int> Rows => [.. Enumerable.Range(0, GoldenFile.Rows("pld_random.json").Count)];

    [Theory]
    [MemberData(nameof(Rows))]
    public void Bounds_enclose_the_truth_closely(int number)
    {
        var row = GoldenFile.Rows("pld_random.json")[number];
        var accountant = new PldAccountant(row.GetProperty("relation").GetString() == "replace_one" ? NeighboringRelation.ReplaceOne : NeighboringRelation.AddOrRemoveOne);
        foreach (var part in row.GetProperty("events").EnumerateArray())
            accountant.Compose(Event(part), part.Integer("count"));

        // What the inversion may be wrong by is 1e-8 of delta, and less of epsilon.
        var (truth, delta) = (row.Number("epsilon"), Math.Exp(row.Number("log_delta")));
        accountant.GetEpsilon(delta).Should().BeInRange(truth * (1 - 1e-8), truth * (1 + 1e-5), "{0}", row);

        // On samples with Laplace noise, whose largest loss is likely, the lower bound is not always close.
        var isLaplace = row.GetProperty("kind").GetString() == "pld_random_laplace";
        accountant.GetEpsilonLowerBound(delta).Should().BeInRange(isLaplace ? 0 : truth * (1 - 1e-4), truth * (1 + 1e-8), "{0}", row);
    }

    private static DpEvent Event(JsonElement part) => part.GetProperty("type").GetString() switch
    {
        "gaussian_sampled" => new PoissonSampledDpEvent(part.Number("q"), new GaussianDpEvent(part.Number("sigma"))),
        "laplace_sampled" => new PoissonSampledDpEvent(part.Number("q"), new LaplaceDpEvent(part.Number("scale"))),
        _ => new MixtureOfGaussiansDpEvent(part.Number("sigma"), part.Numbers("sensitivities"), part.Numbers("probs")),
    };
}
