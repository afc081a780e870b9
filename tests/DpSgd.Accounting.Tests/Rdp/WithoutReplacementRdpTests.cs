namespace DpSgd.Accounting.Tests.Rdp;

public class WithoutReplacementRdpTests
{
    /// <summary>Theorem 27 of Wang, Balle, Kasiviswanathan (arXiv:1808.00087), with fifty digits.</summary>
    [Theory]
    [InlineData(0.1, 2, 3, 0.0176300922717960202199578)]
    [InlineData(0.1, 2, 8, 0.05269026352905102471579342)]
    [InlineData(0.25, 5, 12, 0.06078925173082334502407972)]
    public void Is_the_theorem_at_whole_orders(double rate, double noiseMultiplier, double order, double expected) =>
        new WithoutReplacementRdp(rate, noiseMultiplier).AtOrders([order])[0].Should().BeInRange(expected * (1 - 1e-12), expected * (1 + 1e-12));
}
