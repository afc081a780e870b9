namespace DpSgd.Accounting.Tests.Rdp;

public class PoissonSampledGaussianRdpTests
{
    /// <summary>rdp.json: the project's golden values.</summary>
    [Fact]
    public void Agrees_with_the_golden_values() => Check(
        GoldenFile.Read<GoldenRdp>("rdp.json").Select(row => (row.Q, row.Sigma, row.Order, row.RdpExact!.Value)), 486);

    /// <summary>
    /// rdp_random.json: random points over the whole domain, integrated by Gauss-Legendre panels (or summed, at integer
    /// orders) in 90 digits. Among them sigma near zero, q near zero and one, orders near one and in the thousands.
    /// </summary>
    [Fact]
    public void Agrees_with_ninety_digits_at_random_points() => Check(
        GoldenFile.Read<RandomRdp>("rdp_random.json").Select(row => (row.Q, row.Sigma, row.Order, row.Rdp)), 600);

    [Fact]
    public void The_sum_agrees_with_the_quadrature()
    {
        foreach (var (q, sigma) in Mechanisms)
        {
            var sum = new BinomialSum(q, sigma);
            var quadrature = new MixtureQuadrature(q, sigma, BinomialSum.LargestOrder);
            for (var order = 2; order <= BinomialSum.LargestOrder; order++)
                sum.LogMoment(order).Should().BeRelativelyClose(quadrature.LogMoment(order), 2e-13);
        }
    }

    [Theory]
    [InlineData(0.5, 0.044)]
    [InlineData(0.9, 0.043)]
    [InlineData(1e-3, 0.0402)]
    [InlineData(1e-9, 0.034)]
    public void The_disjoint_limit_agrees_with_the_quadrature_where_it_begins(double q, double sigma)
    {
        DisjointMixture.Applies(q, sigma).Should().BeTrue();
        DisjointMixture.Applies(q, sigma * 1.1).Should().BeFalse();
        var limit = new DisjointMixture(q, sigma);
        var quadrature = new MixtureQuadrature(q, sigma, 100.5);
        foreach (var order in new[] { 1.0001, 1.01, 1.1, 1.5, 2, 3.7, 10.9, 50, 100.5 })
            limit.LogMoment(order).Should().BeRelativelyClose(quadrature.LogMoment(order), 2e-13);
    }

    /// <summary>The quadrature changes from plain sums to sums of logarithms; there must be no seam.</summary>
    [Fact]
    public void Nothing_jumps_as_the_order_grows()
    {
        foreach (var (q, sigma) in Mechanisms)
        {
            var orders = Enumerable.Range(1, 3000).Select(i => 1 + i / 97.0).ToArray();
            var curve = new PoissonSampledGaussianRdp(q, sigma).AtOrders(orders);
            var logMoment = curve.Zip(orders, (rdp, order) => rdp * (order - 1)).ToArray();
            for (var i = 1; i < orders.Length - 1; i++)
            {
                // The divergence never falls, and ln A is convex, in the order.
                curve[i].Should().BeGreaterThanOrEqualTo(curve[i - 1] * (1 - 1e-13));
                (2 * logMoment[i]).Should().BeLessThanOrEqualTo((logMoment[i - 1] + logMoment[i + 1]) * (1 + 1e-13));
            }
        }
    }

    [Fact]
    public void An_order_does_not_depend_on_the_others()
    {
        double[] orders = [1.1, 2, 7.3, 64.5, 300, 1024];
        foreach (var (q, sigma) in Mechanisms)
        {
            var mechanism = new PoissonSampledGaussianRdp(q, sigma);
            var together = mechanism.AtOrders(orders);
            for (var i = 0; i < orders.Length; i++)
                mechanism.AtOrders([orders[i]])[0].Should().BeRelativelyClose(together[i], 1e-13);
        }
    }

    [Theory]
    [InlineData(0, 1, 0)]
    [InlineData(0, 0, 0)]
    [InlineData(0.1, 0, double.PositiveInfinity)]
    [InlineData(1, 0, double.PositiveInfinity)]
    [InlineData(1e-300, 0, double.PositiveInfinity)]
    [InlineData(0.1, double.PositiveInfinity, 0)]
    [InlineData(1, double.PositiveInfinity, 0)]
    [InlineData(1, 2, 0.375)]
    public void Edges_of_the_domain(double q, double sigma, double expected) =>
        new PoissonSampledGaussianRdp(q, sigma).AtOrders([3, 3.0000001])[0].Should().Be(expected);

    [Fact]
    public void Nothing_overflows_or_becomes_NaN()
    {
        double[] orders = [1 + 1e-15, 1.0001, 1.5, 2, 10.9, 63, 65, 1024, 9999.5, 1e4, 1e9, 1e300];
        double[] probabilities = [1e-308, 1e-200, 1e-9, 0.3, 0.999, 1 - 1e-16, 1];
        double[] multipliers = [5e-324, 1e-160, 1e-5, 0.01, 0.05, 0.3, 1, 30, 1e3, 1e6, 1e140, 1e200, double.MaxValue];
        foreach (var q in probabilities)
        {
            foreach (var sigma in multipliers)
            {
                var curve = new PoissonSampledGaussianRdp(q, sigma).AtOrders(orders);
                curve.Should().OnlyContain(rdp => rdp > 0, "q = {0}, sigma = {1} costs something", q, sigma);
                curve.Zip(orders).Should().OnlyContain(
                    at => at.First <= PoissonSampledGaussianRdp.Unsampled(at.Second, sigma));
                if (sigma is >= 0.01 and <= 1e3)
                    curve.Take(10).Should().OnlyContain(rdp => double.IsFinite(rdp));
            }
        }
    }

    private static IEnumerable<(double Q, double Sigma)> Mechanisms =>
        from q in new[] { 1e-9, 1e-4, 0.02, 0.5, 0.99 }
        from sigma in new[] { 0.06, 0.2, 0.3566235741514012, 1, 4, 50, 1000 }
        select (q, sigma);

    private static void Check(IEnumerable<(double Q, double Sigma, double Order, double Exact)> rows, int atLeast)
    {
        var all = rows.ToArray();
        all.Length.Should().BeGreaterThanOrEqualTo(atLeast);
        foreach (var (q, sigma, order, exact) in all)
        {
            var rdp = new PoissonSampledGaussianRdp(q, sigma).AtOrders([order])[0];

            // The bars are 1e-10 above and 1e-12 below; these are the ones that are kept.
            Closeness.RelativeError(rdp, exact).Should().BeLessThanOrEqualTo(1e-13, "q = {0:R}, sigma = {1:R}, order = {2:R}", q, sigma, order);
        }
    }

    private sealed record GoldenRdp(double Q, double Sigma, double Order, double? RdpExact);

    private sealed record RandomRdp(double Q, double Sigma, double Order, double Rdp);
}
