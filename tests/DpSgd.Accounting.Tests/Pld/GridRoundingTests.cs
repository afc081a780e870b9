namespace DpSgd.Accounting.Tests.Pld;

/// <summary>What is moved to a grid, or beyond it, is all there is of P and of Q: nothing that is cut off is lost.</summary>
public class GridRoundingTests
{
    [Theory]
    [InlineData(0.1, 1, 0.1, -5)]
    [InlineData(0.1, 1, 0.1, -20)]
    [InlineData(1, 0.5, 0.5, -5)]
    [InlineData(0.5, 0.02, 1, -690)]   // losses and probabilities at the end of the doubles
    [InlineData(1, 0.02, 1, -690)]
    public void Above_keeps_all_of_both(double probability, double noiseMultiplier, double interval, double logNeglected)
    {
        var grid = GridRounding.Above(new PoissonSampledGaussianPair(probability, noiseMultiplier), interval, logNeglected);
        var (ofP, ofQ) = (grid.InfiniteMass, grid.InfiniteMassOfQ);
        for (var i = 0; i < grid.P.Length; i++)
        {
            ofP += grid.P[i];
            ofQ += grid.P[i] == 0 ? 0 : grid.P[i] * Math.Exp(-(grid.Shift + (grid.First + i) * interval));
        }
        ofP.Should().BeApproximately(1, 1e-9);
        ofQ.Should().BeApproximately(1, 1e-9);
    }
}
