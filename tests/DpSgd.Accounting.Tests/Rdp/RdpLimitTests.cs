namespace DpSgd.Accounting.Tests.Rdp;

/// <summary>Costs that cannot be written down, and the ends of delta and epsilon.</summary>
public class RdpLimitTests
{
    [Fact]
    public void A_cost_that_underflows_is_not_free()
    {
        foreach (var dpEvent in new DpEvent[] { new LaplaceDpEvent(1e170), new ExponentialMechanismDpEvent(1e-170), new PermuteAndFlipDpEvent(1e-170), new EpsilonDeltaDpEvent(1e-170, 0), new DiscreteLaplaceDpEvent(1e-170, 1) })
        {
            Of(dpEvent).GetEpsilon(0).Should().BeGreaterThan(0, "{0}", dpEvent);
            Of(dpEvent).GetRdp().Should().OnlyContain(cost => cost > 0);
        }
    }

    [Fact]
    public void What_fails_for_certain_has_its_limits()
    {
        var accountant = Of(new EpsilonDeltaDpEvent(1, 1));
        accountant.GetEpsilon(1).Should().Be(0);
        accountant.GetEpsilon(0.999).Should().Be(double.PositiveInfinity);
        accountant.GetDelta(double.PositiveInfinity).Should().Be(0, "as the other accountant says");
        accountant.GetDelta(1e300).Should().Be(1);
        Of(new EpsilonDeltaDpEvent(1, 0.1)).GetDelta(double.PositiveInfinity).Should().Be(0);
    }

    private static RdpAccountant Of(DpEvent dpEvent)
    {
        var accountant = new RdpAccountant();
        accountant.Compose(dpEvent);
        return accountant;
    }
}
