namespace DpSgd.Accounting.Tests.Numerics;

public class LogSumTests
{
    [Fact]
    public void Nothing_is_zero() => Sum().Should().Be(double.NegativeInfinity);

    [Fact]
    public void Zeros_are_zero() => Sum(double.NegativeInfinity, double.NegativeInfinity).Should().Be(double.NegativeInfinity);

    [Fact]
    public void Terms_may_come_in_any_order()
    {
        var expected = Math.Log(1 + 2 + 3 + 4);
        Sum(Math.Log(1), Math.Log(2), Math.Log(3), Math.Log(4)).Should().BeRelativelyClose(expected, 4e-16);
        Sum(Math.Log(4), Math.Log(1), Math.Log(3), Math.Log(2)).Should().BeRelativelyClose(expected, 4e-16);
        Sum(double.NegativeInfinity, Math.Log(4), Math.Log(6)).Should().BeRelativelyClose(expected, 4e-16);
    }

    [Fact]
    public void Nothing_overflows_or_underflows()
    {
        Sum(1e6, 1e6).Should().BeRelativelyClose(1e6 + Math.Log(2), 2e-16);
        Sum(-1e6, -1e6).Should().BeRelativelyClose(-1e6 + Math.Log(2), 2e-16);
        Sum(-1e6, 1e6).Should().Be(1e6);
    }

    [Fact]
    public void Infinity_stays_infinity()
    {
        Sum(1, double.PositiveInfinity).Should().Be(double.PositiveInfinity);
        Sum(double.PositiveInfinity, 1, double.PositiveInfinity).Should().Be(double.PositiveInfinity);
    }

    [Fact]
    public void Only_what_cannot_matter_may_be_left_out()
    {
        var sum = new LogSum();
        sum.MayLeaveOut(-1000).Should().BeFalse("nothing was added yet");
        sum.Add(0);
        sum.MayLeaveOut(-40).Should().BeFalse();
        sum.MayLeaveOut(-60).Should().BeTrue();
    }

    private static double Sum(params double[] logTerms)
    {
        var sum = new LogSum();
        foreach (var term in logTerms)
            sum.Add(term);
        return sum.Value;
    }
}
