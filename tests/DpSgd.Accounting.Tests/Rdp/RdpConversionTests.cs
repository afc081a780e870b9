namespace DpSgd.Accounting.Tests.Rdp;

public class RdpConversionTests
{
    private static readonly double[] Orders = [2, 4, 8];

    [Fact]
    public void Epsilon_is_the_formula_at_the_best_order()
    {
        // r + ln(1 - 1/a) - ln(delta a) / (a - 1), by hand.
        double[] rdp = [0.2, 0.4, 0.8];
        var (epsilon, order) = RdpConversion.Epsilon(Orders, rdp, 1e-5);

        order.Should().Be(8);
        epsilon.Should().BeRelativelyClose(0.8 + Math.Log(7.0 / 8) - Math.Log(8e-5) / 7, 1e-15);
    }

    [Fact]
    public void Delta_is_the_formula_at_the_best_order()
    {
        double[] rdp = [0.2, 0.4, 0.8];
        var (delta, order) = RdpConversion.Delta(Orders, rdp, 3);

        order.Should().Be(8);
        delta.Should().BeRelativelyClose(Math.Exp(7 * (0.8 - 3 + Math.Log(7.0 / 8))) / 8, 1e-14);
    }

    [Fact]
    public void Delta_is_never_above_the_total_variation_bound()
    {
        double[] rdp = [1e-6, 2e-6, 4e-6];
        RdpConversion.Delta(Orders, rdp, 0).Delta.Should().BeRelativelyClose(Math.Sqrt(1e-6), 1e-6);
        RdpConversion.Epsilon(Orders, rdp, 1.001e-3).Epsilon.Should().Be(0);
        RdpConversion.Epsilon(Orders, rdp, 0.999e-3).Epsilon.Should().BeGreaterThan(0);
    }

    [Fact]
    public void The_first_of_the_best_orders_is_named()
    {
        RdpConversion.Epsilon([3, 2, 3, 2], [1, 1.5, 1, 1.5], 1e-5).Order.Should().Be(3);
        RdpConversion.Epsilon([5, 3, 4], [0, 0, 0], 1e-5).Should().Be((0, 5));
        RdpConversion.Delta([5, 3, 4], [0, 0, 0], 1).Should().Be((0, 5));
    }

    [Fact]
    public void Orders_without_a_finite_cost_are_passed_over()
    {
        double[] rdp = [0.2, double.PositiveInfinity, double.PositiveInfinity];
        RdpConversion.Epsilon(Orders, rdp, 1e-5).Order.Should().Be(2);
        RdpConversion.Delta(Orders, rdp, 5).Order.Should().Be(2);

        double[] none = [double.PositiveInfinity, double.PositiveInfinity, double.PositiveInfinity];
        RdpConversion.Epsilon(Orders, none, 1e-5).Should().Be((double.PositiveInfinity, 2));
        RdpConversion.Delta(Orders, none, 5).Delta.Should().Be(1);
    }

    [Theory]
    [InlineData(1e-300)]
    [InlineData(5e-324)]
    public void Tiny_deltas_give_finite_epsilons(double delta) => RdpConversion.Epsilon(Orders, [0.2, 0.4, 0.8], delta)
        .Epsilon.Should().BeRelativelyClose(0.8 + Math.Log(7.0 / 8) - (Math.Log(delta) + Math.Log(8)) / 7, 1e-14);

    /// <summary>
    /// Software that distrusts its own costs near order one leaves out orders up to 1.01. The bound holds there, so it
    /// is used: Gaussian noise this small has its best order there.
    /// </summary>
    [Fact]
    public void Orders_next_to_one_are_used()
    {
        double[] orders = [1.001, 1.1];
        double[] rdp = [1.001 / (2 * 1e-6), 1.1 / (2 * 1e-6)];
        var (epsilon, order) = RdpConversion.Epsilon(orders, rdp, 1e-5);

        order.Should().Be(1.001);
        epsilon.Should().BeRelativelyClose(500_500 + Math.Log(0.001 / 1.001) - Math.Log(1.001e-5) / 0.001, 1e-12);

        // And it is no less than the truth: the exact delta there is at most Phi(x) (Balle and Wang 2018, theorem 8).
        var x = 0.5 / 1e-3 - epsilon * 1e-3;
        x.Should().BeLessThan(-4.3, "Phi(-4.27) is 1e-5");
    }
}
