namespace DpSgd.Accounting.Tests.Rdp;

public class RdpAccountantConversionTests
{
    private static readonly DpEvent Step = new PoissonSampledDpEvent(250 / 60000.0, new GaussianDpEvent(1.3));

    /// <summary>What the tutorial's text says of its fifteen epochs: 1.18.</summary>
    [Fact]
    public void The_tutorials_classic_epsilon()
    {
        var accountant = new RdpAccountant();
        accountant.Compose(Step, 3600);
        var (epsilon, order) = accountant.GetClassicEpsilonAndOptimalOrder(1e-5);
        epsilon.Should().BeRelativelyClose(1.1799006739826, 1e-12);
        order.Should().Be(17);
        accountant.GetEpsilon(1e-5).Should().BeRelativelyClose(0.94220021816269, 1e-12);
    }

    [Fact]
    public void Orders_between_those_of_the_list_never_hurt()
    {
        foreach (var (q, sigma, steps, delta) in new[] { (0.004, 1.3, 720L, 1e-5), (0.3, 0.6, 10L, 1e-3), (1e-4, 20, 100, 1e-9), (1, 0.05, 3, 1e-5) })
        {
            var accountant = new RdpAccountant();
            accountant.Compose(new PoissonSampledDpEvent(q, new GaussianDpEvent(sigma)), steps);
            var listed = accountant.GetEpsilonAndOptimalOrder(delta);
            var all = accountant.GetEpsilonAndOptimalOrderOfAll(delta);
            all.Epsilon.Should().BeLessThanOrEqualTo(listed.Epsilon);

            var alone = new RdpAccountant([all.OptimalOrder]);
            alone.Compose(new PoissonSampledDpEvent(q, new GaussianDpEvent(sigma)), steps);
            alone.GetEpsilon(delta).Should().BeRelativelyClose(all.Epsilon, 1e-12);
        }
    }

    [Fact]
    public void The_best_order_of_a_Gaussian_mechanism_is_found()
    {
        // epsilon(order) = order / 2 + ln(1 - 1/order) - (ln delta + ln order) / (order - 1), minimised in mpmath.
        var accountant = new RdpAccountant([2, 30]);
        accountant.Compose(new GaussianDpEvent(1));
        accountant.GetEpsilonAndOptimalOrderOfAll(1e-5).Epsilon.Should().BeRelativelyClose(4.7283869849433139, 1e-10);
    }

    [Fact]
    public void A_known_delta_is_taken_from_the_target()
    {
        var accountant = new RdpAccountant();
        accountant.Compose(new EpsilonDeltaDpEvent(0.1, 1e-6), 20);
        accountant.GetEpsilon(1e-5).Should().Be(double.PositiveInfinity, "twenty times a millionth is more than a hundred-thousandth");
        accountant.GetEpsilonAndOptimalOrder(1e-4).Epsilon.Should().BeInRange(0.1, 2.1);
        accountant.GetDelta(5).Should().BeInRange(1.9e-5, 2.1e-5);
        accountant.GetClassicEpsilonAndOptimalOrder(1e-5).Epsilon.Should().Be(double.PositiveInfinity);
    }

    [Fact]
    public void A_clone_goes_its_own_way()
    {
        var accountant = new RdpAccountant([3, 17.5], NeighboringRelation.ReplaceSpecial);
        accountant.Compose(Step, 10);
        var clone = accountant.Clone();
        clone.GetRdp().Should().Equal(accountant.GetRdp());
        clone.Compose(Step, 5);
        clone.Orders.Should().Equal(3, 17.5);
        clone.NeighboringRelation.Should().Be(NeighboringRelation.ReplaceSpecial);
        accountant.Ledger.Should().Equal(new LedgerEntry(Step, 10));
        clone.Ledger.Should().Equal(new LedgerEntry(Step, 15));
    }
}
