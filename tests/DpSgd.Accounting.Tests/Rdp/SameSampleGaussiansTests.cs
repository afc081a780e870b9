namespace DpSgd.Accounting.Tests.Rdp;

public class SameSampleGaussiansTests
{
    [Fact]
    public void One_is_itself() => Collapse(new GaussianDpEvent(0.1234567)).Should().Be(0.1234567);

    [Fact]
    public void Precisions_add_up()
    {
        Collapse(new SelfComposedDpEvent(new GaussianDpEvent(3), 9)).Should().BeRelativelyClose(1, 1e-15);
        var nested = new ComposedDpEvent([
            new GaussianDpEvent(2), new SelfComposedDpEvent(new ComposedDpEvent([new GaussianDpEvent(1), new NoOpDpEvent()]), 3)]);
        Collapse(nested).Should().BeRelativelyClose(1 / Math.Sqrt(3.25), 1e-15);
    }

    [Fact]
    public void Huge_and_tiny_ones_are_not_lost()
    {
        Collapse(Pair(1e-200, 1e-200)).Should().BeRelativelyClose(1e-200 / Math.Sqrt(2), 1e-15);
        Collapse(Pair(1e200, 1e200)).Should().BeRelativelyClose(1e200 / Math.Sqrt(2), 1e-15);
        Collapse(Pair(1e200, 1e-200)).Should().BeRelativelyClose(1e-200, 1e-15);
    }

    [Fact]
    public void Nothing_shows_nothing_and_everything_shows_everything()
    {
        Collapse(new NoOpDpEvent()).Should().Be(double.PositiveInfinity);
        Collapse(new ComposedDpEvent([])).Should().Be(double.PositiveInfinity);
        Collapse(Pair(double.PositiveInfinity, double.PositiveInfinity)).Should().Be(double.PositiveInfinity);
        Collapse(Pair(double.PositiveInfinity, 2)).Should().Be(2);
        Collapse(Pair(2, double.PositiveInfinity)).Should().Be(2);
        Collapse(Pair(0, 2)).Should().Be(0);
        Collapse(Pair(2, 0)).Should().Be(0);
        Collapse(new ComposedDpEvent([new GaussianDpEvent(2), new NonPrivateDpEvent()])).Should().Be(0);
    }

    [Fact]
    public void Other_events_do_not_collapse() => SameSampleGaussians
        .TryCollapse(new ComposedDpEvent([new GaussianDpEvent(1), new PoissonSampledDpEvent(0.5, new GaussianDpEvent(1))]), out _)
        .Should().BeFalse();

    private static ComposedDpEvent Pair(double a, double b) => new([new GaussianDpEvent(a), new GaussianDpEvent(b)]);

    private static double Collapse(DpEvent dpEvent)
    {
        SameSampleGaussians.TryCollapse(dpEvent, out var noiseMultiplier).Should().BeTrue();
        return noiseMultiplier;
    }
}
