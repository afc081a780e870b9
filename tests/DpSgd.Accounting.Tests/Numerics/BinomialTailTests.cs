namespace DpSgd.Accounting.Tests.Numerics;

public class BinomialTailTests
{
    [Fact]
    public void Is_above_the_truth_and_close_to_it()
    {
        long[] choose = [1, 10, 45, 120, 210, 252, 210, 120, 45, 10, 1];
        for (var least = 1; least <= 10; least++)
        {
            var exact = choose[least..].Sum() / 1024.0;
            BinomialTail.Above(least, 10, 0.5).Should().BeGreaterThan(exact).And.BeLessThan(exact * (1 + 1e-9));
        }
    }

    /// <summary>Against 60 digits.</summary>
    [Theory]
    [InlineData(1050, 1_000_000_000, 1e-6, 0.059628236171571612)]
    [InlineData(950, 1_000_000_000, 1e-6, 0.94579341403851125)]
    [InlineData(1_001_000, 1_000_000_000_000, 1e-6, 0.15877609819277241)]
    [InlineData(12, 100, 0.1, 0.29696689971124623)]
    [InlineData(5, 100, 0.1, 0.97628891733652323)]
    [InlineData(1, 50, 0.3, 0.99999998201534956)]
    [InlineData(300, 1000, 0.1, 6.8233491078449872e-69)]
    [InlineData(50, 50, 0.5, 8.8817841970012523e-16)]
    public void Is_a_close_upper_bound(long least, long trials, double probability, double exact) =>
        BinomialTail.Above(least, trials, probability).Should().BeInRange(exact, exact * (1 + 1e-10));

    [Fact]
    public void Adds_up_as_the_probabilities_do()
    {
        // 20 trials: C(20, k) p^k (1 - p)^(20 - k), added from the far end.
        var (tail, coefficient) = (0.0, 1.0);
        for (var k = 20; k >= 1; k--)
        {
            tail += coefficient * Math.Pow(0.37, k) * Math.Pow(0.63, 20 - k);
            BinomialTail.Above(k, 20, 0.37).Should().BeInRange(tail * (1 - 1e-13), tail * (1 + 1e-10));
            coefficient *= k / (21.0 - k);
        }
    }

    [Fact]
    public void Limits()
    {
        BinomialTail.Above(3, 2, 0.5).Should().Be(0);
        BinomialTail.Above(1, 2, 0).Should().Be(0);
        BinomialTail.Above(2, 2, 1).Should().Be(1);
        BinomialTail.Above(long.MaxValue / 2, long.MaxValue, 0.5).Should().BeNull("too many terms");
    }
}
