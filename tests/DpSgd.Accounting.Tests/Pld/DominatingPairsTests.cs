namespace DpSgd.Accounting.Tests.Pld;

public class DominatingPairsTests
{
    /// <summary>Noise whose square is no number is as none above, and counts as nothing below.</summary>
    [Theory]
    [InlineData(1e-51)]
    [InlineData(1e-100)]
    [InlineData(1e-150)]
    [InlineData(1e-160)]
    [InlineData(5e-324)]
    public void The_smallest_noise_has_bounds(double sigma)
    {
        foreach (var relation in new[] { NeighboringRelation.AddOrRemoveOne, NeighboringRelation.ReplaceOne })
        {
            var accountant = Of(new PoissonSampledDpEvent(0.01, new GaussianDpEvent(sigma)), relation);
            var epsilon = accountant.GetEpsilon(1e-5);
            epsilon.Should().BeGreaterThan(1e90);
            accountant.GetEpsilonLowerBound(1e-5).Should().BeInRange(0, epsilon);
            accountant.GetDelta(1).Should().BeInRange(accountant.GetDeltaLowerBound(1), 1).And.BeGreaterThanOrEqualTo(0.01 * (1 - 1e-9));
            accountant.Compose(new PoissonSampledDpEvent(0.1, new GaussianDpEvent(1)));
            accountant.GetEpsilon(1e-5).Should().BeGreaterThan(1e90);
        }

        var truncated = Of(new TruncatedSubsampledGaussianDpEvent(100, 0.1, 12, sigma));
        truncated.GetEpsilon(1e-5).Should().BeGreaterThan(1e90);
        Of(new MixtureOfGaussiansDpEvent(sigma, [0, 2], [0.9, 0.1])).GetEpsilon(1e-5).Should().BeGreaterThan(1e90);
    }

    /// <summary>What the probabilities miss of one belongs to the largest norm.</summary>
    [Fact]
    public void No_probability_of_a_mixture_vanishes()
    {
        var missing = Of(new MixtureOfGaussiansDpEvent(2, [0, 5], [0.5, 0.5 - 9e-10]));
        var whole = Of(new MixtureOfGaussiansDpEvent(2, [0, 5], [0.5, 0.5]));
        missing.GetDelta(3).Should().BeRelativelyClose(whole.GetDelta(3), 1e-12);

        // A large norm that is as rare as what is missing.
        var rare = Of(new MixtureOfGaussiansDpEvent(0.1, [0, 1, 5], [1 - 1.9e-9, 1e-9, 1e-12]));
        rare.GetDelta(3).Should().BeGreaterThanOrEqualTo(1.89e-9);
    }

    /// <summary>Who is not sampled cannot be seen, so a delta above the probability needs no epsilon at all.</summary>
    [Fact]
    public void A_delta_above_the_sampling_probability_is_free()
    {
        foreach (var sigma in new[] { 0.1, 1 })
        {
            var accountant = Of(new PoissonSampledDpEvent(1e-3, new GaussianDpEvent(sigma)));
            accountant.GetEpsilon(2e-3).Should().BeLessThan(1e-8);
            accountant.GetEpsilonLowerBound(2e-3).Should().Be(0);
        }
    }

    [Fact]
    public void Clones_do_not_share_where_a_pair_was_last_asked()
    {
        var accountant = Of(new MixtureOfGaussiansDpEvent(2, [0, 1, 3], [0.5, 0.4, 0.1]));
        var clones = Enumerable.Range(0, 4).Select(_ => accountant.Clone()).ToArray();
        var epsilons = new double[clones.Length];
        Parallel.For(0, clones.Length, i => epsilons[i] = clones[i].GetEpsilon(1e-5));
        epsilons.Should().AllBeEquivalentTo(accountant.GetEpsilon(1e-5));
    }

    private static PldAccountant Of(DpEvent dpEvent, NeighboringRelation relation = NeighboringRelation.AddOrRemoveOne)
    {
        var accountant = new PldAccountant(relation);
        accountant.Compose(dpEvent);
        return accountant;
    }
}
