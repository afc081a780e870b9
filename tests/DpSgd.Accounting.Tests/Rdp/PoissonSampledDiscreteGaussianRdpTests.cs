namespace DpSgd.Accounting.Tests.Rdp;

/// <summary>Against sums over the whole numbers, in both directions.</summary>
public class PoissonSampledDiscreteGaussianRdpTests
{
    private static readonly double[] Orders = [1.25, 1.5, 2, 2.5, 2.999, 3, 4.75, 8, 16, 17.5];

    [Theory]
    [InlineData(0.1, 1.5, 1)]
    [InlineData(0.01, 1, 1)]
    [InlineData(0.5, 4, 3)]
    [InlineData(1, 2, 1)]
    public void Bounds_the_exact_divergence_in_both_directions(double q, double sigma, int shift)
    {
        var rdp = Rdp(q, sigma, shift);
        foreach (var (order, bound) in Orders.Zip(rdp))
        {
            // At whole orders the bound is the larger direction itself, but for what a grid as coarse as this one changes.
            var exact = Math.Max(Exact(q, sigma, shift, order, reverse: false), Exact(q, sigma, shift, order, reverse: true));
            bound.Should().BeGreaterThanOrEqualTo(exact * (1 - 1e-9));
            if (double.IsInteger(order))
                bound.Should().BeLessThan(exact * 1.001);
        }
    }

    [Fact]
    public void Is_the_continuous_one_at_whole_orders_and_more_between()
    {
        var continuous = new RdpAccountant(Orders);
        continuous.Compose(new PoissonSampledDpEvent(0.01, new GaussianDpEvent(1.1)));
        foreach (var (order, bound, below) in Orders.Zip(Rdp(0.01, 1.1, 1), continuous.GetRdp()))
        {
            if (double.IsInteger(order))
                bound.Should().BeApproximately(below, 1e-12 * below);
            else
                bound.Should().BeGreaterThan(below);
        }
    }

    [Fact]
    public void Has_no_bound_when_an_example_is_replaced()
    {
        var accountant = new RdpAccountant(neighboringRelation: NeighboringRelation.ReplaceOne);
        accountant.Invoking(a => a.Compose(new PoissonSampledDpEvent(0.1, new DiscreteGaussianDpEvent(4)))).Should().Throw<NotSupportedException>();
    }

    private static IReadOnlyList<double> Rdp(double q, double sigma, double sensitivity)
    {
        var accountant = new RdpAccountant(Orders);
        accountant.Compose(new PoissonSampledDpEvent(q, new DiscreteGaussianDpEvent(sigma, sensitivity)));
        return [.. accountant.GetRdp()];
    }

    private static double Exact(double q, double sigma, int shift, double order, bool reverse)
    {
        double[] Masses(int mean)
        {
            var weights = Enumerable.Range(-400, 801).Select(x => Math.Exp(-(x - mean) * (x - mean) / 2.0 / sigma / sigma)).ToArray();
            var total = weights.Sum();
            return [.. weights.Select(w => w / total)];
        }

        var without = Masses(0);
        var with = without.Zip(Masses(shift), (a, b) => (1 - q) * a + q * b);
        var pairs = without.Zip(with).Where(pair => pair.First > 1e-290 && pair.Second > 1e-290);
        var moment = pairs.Sum(pair => reverse
            ? pair.First * Math.Pow(pair.First / pair.Second, order - 1)
            : pair.Second * Math.Pow(pair.Second / pair.First, order - 1));
        return Math.Log(moment) / (order - 1);
    }
}
