namespace DpSgd.Accounting.Tests;

public class DpSgdStepsTests
{
    [Theory]
    [InlineData(60000, 250, 3, 720)]
    [InlineData(60000, 256, 15, 3516)]
    [InlineData(50000, 1, 1.1, 55000)]
    [InlineData(10, 1, 0.3, 3)]
    [InlineData(10, 1, 0.30000000000000004, 4)]
    [InlineData(10, 3, 1, 4)]
    [InlineData(12, 1, 1, 12)]
    [InlineData(7, 7, 1e-300, 1)]
    [InlineData(1, 1, 5e-324, 1)]
    [InlineData(1000, 1, 1e-3, 1)]
    [InlineData(1000, 10, 1.5e-5, 1)]
    [InlineData(1, 1, 1e18, 1000000000000000000)]
    [InlineData(1, 1, 1.2345e17, 123450000000000000)]
    [InlineData(9000000000000000000, 1, 1, 9000000000000000000)]
    [InlineData(9000000000000000000, 2147483647, 480, 2011656762107)]
    public void Counts_exactly(long n, int batch, double epochs, long expected) =>
        DpSgdSteps.Count(n, batch, epochs).Should().Be(expected);

    [Fact]
    public void Too_many_are_refused() => FluentActions.Invoking(() => DpSgdSteps.Count(long.MaxValue, 1, 1.0000001))
        .Should().Throw<ArgumentOutOfRangeException>().WithParameterName("epochs");
}
