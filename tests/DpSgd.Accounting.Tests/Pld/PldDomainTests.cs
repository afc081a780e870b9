namespace DpSgd.Accounting.Tests.Pld;

/// <summary>
/// From the smallest to the largest of everything: the certified bounds enclose the truth, so that their distance is what an
/// epsilon can be wrong by.
/// </summary>
public class PldDomainTests
{
    [Theory]
    [InlineData(NeighboringRelation.AddOrRemoveOne)]
    [InlineData(NeighboringRelation.ReplaceOne)]
    public void The_bounds_are_close_wherever_epsilon_is_between_a_thousandth_and_ten_thousand(NeighboringRelation relation)
    {
        var random = new Random(5);
        var (runs, close) = (0, 0);
        for (var i = 0; i < 30; i++)
        {
            var (q, sigma, steps, delta) = (Between(1e-6, 1), Between(0.05, 100), (long)Between(1, 1e6), Between(1e-15, 1e-2));
            var accountant = new PldAccountant(relation);
            accountant.Compose(new PoissonSampledDpEvent(q, new GaussianDpEvent(sigma)), steps);
            var epsilon = accountant.GetEpsilon(delta);
            if (epsilon is < 1e-3 or > 1e4)
                continue;
            var lower = accountant.GetEpsilonLowerBound(delta);
            lower.Should().BeInRange(epsilon / 1.01, epsilon, "q = {0}, sigma = {1}, {2} steps, delta = {3}", q, sigma, steps, delta);
            runs++;
            close += epsilon <= lower * (1 + 1e-5) ? 1 : 0;
        }

        runs.Should().BeGreaterThan(12);
        close.Should().BeGreaterThanOrEqualTo(runs * 8 / 10);

        double Between(double from, double to) => Math.Exp(Math.Log(from) + random.NextDouble() * Math.Log(to / from));
    }

    /// <summary>The mass of a loss on its grid, with what is infinite, is one: neither more, nor less.</summary>
    [Fact]
    public void The_total_mass_is_one()
    {
        DominatingPair[] pairs =
        [
            new PoissonSampledGaussianPair(0.01, 1), new PoissonSampledGaussianPair(1e-6, 0.3), new PoissonSampledGaussianReplacementPair(0.2, 0.7),
            new PoissonSampledLaplacePair(0.3, 0.5), new MixtureOfGaussiansPair(2, [0, 1, 3], [0.5, 0.4, 0.1]),
        ];
        foreach (var pair in pairs)
        {
            foreach (var interval in new[] { 1e-2, 1e-3 })
            {
                var above = GridRounding.Above(pair, interval, -60);
                (Sum(above) + above.InfiniteMass).Should().BeApproximately(1, 1e-11, "up to the rounding of a million cells");
                (SumOfQ(above, interval) + above.InfiniteMassOfQ).Should().BeApproximately(1, 1e-9, "Q adds up as well");
                var below = GridRounding.Below(pair, interval, -60);
                (Sum(below) + below.InfiniteMass).Should().BeInRange(0, 1 + 1e-12);
            }
        }

        static double Sum(GridLoss loss) => loss.P.ToArray().Sum();

        static double SumOfQ(GridLoss loss, double interval) =>
            loss.P.ToArray().Select((mass, i) => mass * Math.Exp(-(loss.First + i) * interval)).Sum();
    }
}
