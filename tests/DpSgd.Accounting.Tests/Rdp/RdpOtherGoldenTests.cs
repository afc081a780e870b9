using System.Text.Json;

namespace DpSgd.Accounting.Tests.Rdp;

/// <summary>Every row of rdp_other.json: costs of the other mechanisms, and epsilons made of them.</summary>
public class RdpOtherGoldenTests
{
    public static TheoryData<int> Rows => [.. Enumerable.Range(0, GoldenFile.Rows("rdp_other.json").Count)
        .Where(i => GoldenFile.Rows("rdp_other.json")[i].GetProperty("kind").GetString() != "tree_no_restart_tf")];

    [Theory]
    [MemberData(nameof(Rows))]
    public void Agrees(int number)
    {
        var row = GoldenFile.Rows("rdp_other.json")[number];
        var kind = row.GetProperty("kind").GetString()!;
        var dpEvent = Event(row, kind);
        var relation = Relation(row, kind);
        var name = row.TryGetProperty("rdp_orders", out _) ? "rdp_orders" : "orders";
        if (row.TryGetProperty(name, out _))
        {
            // The reference also knows order one.
            double[] expected = row.Numbers(row.TryGetProperty("rdp_exact", out _) ? "rdp_exact" : "rdp_ref");
            var pairs = row.Numbers(name).Zip(expected).Where(pair => pair.First > 1).ToArray();

            // Repetition bounds small orders by larger ones: there all orders of the reference's list matter.
            double[] orders = [.. pairs.Select(pair => pair.First)
                .Union(kind == "rdp_repeat_and_select" ? RdpAccountant.DefaultOrders : []).Order()];
            var accountant = new RdpAccountant(orders, relation);
            accountant.Compose(dpEvent, Count(row));
            var rdp = accountant.GetRdp();
            foreach (var (order, value) in pairs)
            {
                var actual = rdp[Array.IndexOf(orders, order)];

                // At fractional orders of Poisson samples the reference is only an upper bound. Without replacement it does
                // not know that sampling never hurts, and its alternating sums lose their digits under much noise.
                var isLoose = kind == "rdp_poisson_of_composed_gaussians" ? !double.IsInteger(order)
                    : kind == "rdp_wor_gaussian" && (Closeness.RelativeError(actual, order / 2 / Math.Pow(row.Number("sigma"), 2)) < 1e-12 || (order >= 63 && row.Number("sigma") > 9 && row.Number("sigma") < 10));
                if (isLoose)
                    actual.Should().BeInRange(0, value * (1 + 1e-9), "{0} at {1}", row, order);
                else
                    Closeness.RelativeError(actual, value).Should().BeLessThanOrEqualTo(1e-9, "{0} at {1}", row, order);
            }
        }

        if (row.TryGetProperty("eps_ref", out var epsilon))
        {
            var accountant = new RdpAccountant(neighboringRelation: relation);
            accountant.Compose(dpEvent, row.TryGetProperty("steps", out var steps) ? steps.GetInt64() : Count(row));
            var actual = accountant.GetEpsilonAndOptimalOrder(row.Number("delta"));
            if (kind is "rdp_poisson_of_composed_gaussians")
                actual.Epsilon.Should().BeInRange(0, epsilon.Number() * (1 + 1e-9), "{0}", row);
            else
                Closeness.RelativeError(actual.Epsilon, row.TryGetProperty("eps_exact", out var exact) ? exact.Number() : epsilon.Number()).Should().BeLessThanOrEqualTo(1e-9, "{0}", row);
        }
    }

    /// <summary>Where the reference is wrong: the bound in 120 digits, from mpmath.</summary>
    [Theory]
    [InlineData(63, 0.042715080214791481888)]
    [InlineData(128, 0.058991366600624642587)]
    [InlineData(256, 0.21605882605621446424)]
    public void Samples_without_replacement_under_much_noise(double order, double expected)
    {
        var accountant = new RdpAccountant([order], NeighboringRelation.ReplaceOne);
        accountant.Compose(new SampledWithoutReplacementDpEvent(60000, 12501, new GaussianDpEvent(2 * 9.03)));
        accountant.GetRdp()[0].Should().BeRelativelyClose(expected, 1e-10);
    }

    private static long Count(JsonElement row) => row.TryGetProperty("count", out var count) ? count.GetInt64() : 1;

    private static NeighboringRelation Relation(JsonElement row, string kind) => row.TryGetProperty("relation", out var relation)
        ? relation.GetString() switch
        {
            "replace_one" => NeighboringRelation.ReplaceOne,
            "replace_special" => NeighboringRelation.ReplaceSpecial,
            _ => NeighboringRelation.AddOrRemoveOne,
        }
        : kind.StartsWith("rdp_tree", StringComparison.Ordinal) ? NeighboringRelation.ReplaceSpecial : NeighboringRelation.AddOrRemoveOne;

    private static DpEvent Event(JsonElement row, string kind) => kind switch
    {
        // The reference's noise is relative to the sensitivity of a replacement, which is twice the clip norm.
        "rdp_wor_gaussian" => new SampledWithoutReplacementDpEvent(
            row.Integer("source_dataset_size"), row.Integer("sample_size"), new GaussianDpEvent(2 * row.Number("sigma"))),
        "rdp_laplace" => new LaplaceDpEvent(row.Number("scale")),
        "rdp_tree_single_epoch" => new SingleEpochTreeAggregationDpEvent(row.Number("sigma"), Integers(row, "step_counts")),
        "rdp_tree_restart_tf" => new ComposedDpEvent(
            [.. Integers(row, "steps_list").Select(steps => new SingleEpochTreeAggregationDpEvent(row.Number("sigma"), [steps]))]),
        "rdp_zcdp" => new ZCDpEvent(row.Number("rho"), row.Number("xi")),
        "rdp_epsilon_delta" => new EpsilonDeltaDpEvent(row.Number("epsilon"), row.Number("delta_event")),
        "rdp_discrete_gaussian" => new DiscreteGaussianDpEvent(row.Number("sigma"), row.Number("sensitivity")),
        "rdp_exponential_mechanism" => new ExponentialMechanismDpEvent(row.Number("epsilon")),
        "rdp_permute_and_flip" => new PermuteAndFlipDpEvent(row.Number("epsilon")),
        "rdp_randomized_response" => new RandomizedResponseDpEvent(row.Number("noise_parameter"), row.Integer("num_buckets")),
        "rdp_repeat_and_select" => new RepeatAndSelectDpEvent(new GaussianDpEvent(row.Number("sigma")), row.Number("mean"), row.GetProperty("shape").Number()),
        "rdp_poisson_of_composed_gaussians" => new PoissonSampledDpEvent(row.Number("q"), new ComposedDpEvent(
            [new GaussianDpEvent(row.Number("sigma1")), new SelfComposedDpEvent(new GaussianDpEvent(row.Number("sigma2")), row.Integer("count2"))])),
        "rdp_heterogeneous" => new ComposedDpEvent([.. row.GetProperty("events").EnumerateArray().Select(part => new SelfComposedDpEvent(
            new PoissonSampledDpEvent(part.Number("q"), new GaussianDpEvent(part.Number("sigma"))), part.Integer("count")))]),
        _ => throw new InvalidOperationException($"Unknown kind {kind}."),
    };

    private static long[] Integers(JsonElement row, string name) => [.. row.GetProperty(name).EnumerateArray().Select(value => value.GetInt64())];
}
