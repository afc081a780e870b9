namespace DpSgd.Accounting.Tests.Rdp;

/// <summary>rdp_other_random.json: costs of the other mechanisms at random points, by their papers' formulas in 50 to 400 digits.</summary>
public class RdpOtherRandomTests
{
    [Theory]
    [InlineData("laplace", 25)]
    [InlineData("discrete_laplace", 20)]
    [InlineData("randomized_response", 20)]
    [InlineData("exponential", 20)]
    [InlineData("without_replacement", 30)]
    [InlineData("repeat_and_select", 40)]
    public void Agrees(string kind, int count)
    {
        var rows = GoldenFile.Rows("rdp_other_random.json", kind).ToArray();
        rows.Should().HaveCount(count);
        foreach (var row in rows)
        {
            var order = row.Number("order");

            // Repetition bounds small orders by larger ones: there all orders of the list matter.
            var accountant = new RdpAccountant(kind == "repeat_and_select" ? null : [order], kind switch
            {
                "without_replacement" => NeighboringRelation.ReplaceOne,
                "randomized_response" when row.GetProperty("relation").GetString() == "replace_one" => NeighboringRelation.ReplaceOne,
                "randomized_response" => NeighboringRelation.ReplaceSpecial,
                _ => NeighboringRelation.AddOrRemoveOne,
            });
            accountant.Compose(kind switch
            {
                "laplace" => new LaplaceDpEvent(row.Number("scale")),
                "discrete_laplace" => new DiscreteLaplaceDpEvent(row.Number("parameter"), row.Integer("sensitivity")),
                "randomized_response" => new RandomizedResponseDpEvent(row.Number("noise"), row.Integer("buckets")),
                "exponential" => new ExponentialMechanismDpEvent(row.Number("epsilon")),
                "without_replacement" => new SampledWithoutReplacementDpEvent(row.Integer("source"), row.Integer("sample"), new GaussianDpEvent(row.Number("sigma"))),
                _ => new RepeatAndSelectDpEvent(new GaussianDpEvent(row.Number("sigma")), row.Number("mean"), row.Number("shape")),
            });
            var actual = accountant.GetRdp()[accountant.Orders.ToList().IndexOf(order)];
            Closeness.RelativeError(actual, row.Number("rdp")).Should().BeLessThanOrEqualTo(1e-10, "{0} gave {1:R}", row, actual);
        }
    }
}
