namespace DpSgd.Accounting.Tests.Pld;

public class DiscretePairsTests
{
    /// <summary>A lie too rare to be written down makes the answer the truth: nothing is protected.</summary>
    [Theory]
    [InlineData(5e-324, 2)]
    [InlineData(1e-310, 1L << 60)]
    [InlineData(1e-300, 1L << 60)]
    public void Randomised_response_that_never_lies_protects_nothing(double noise, long buckets)
    {
        foreach (var relation in new[] { NeighboringRelation.ReplaceOne, NeighboringRelation.ReplaceSpecial })
        {
            foreach (var accountant in new IPrivacyAccountant[] { new RdpAccountant(neighboringRelation: relation), new PldAccountant(relation) })
            {
                accountant.Compose(new RandomizedResponseDpEvent(noise, buckets));
                accountant.GetEpsilon(1e-5).Should().BeGreaterThanOrEqualTo(relation == NeighboringRelation.ReplaceOne ? 744 : Math.Log(1e-5 + buckets) - 1);
            }
        }
    }

    [Fact]
    public void What_underflowed_on_one_side_is_infinite()
    {
        var pair = new DiscretePair([(700, 0.4, 0), (-700, 0, 0.3), (0, 0.6, 0.7)]);
        pair.InfiniteMass.Should().Be(0.4);
        pair.InfiniteMassOfQ.Should().Be(0.3);
        pair.Outputs.Should().ContainSingle();

        // The outermost outputs can still be written down, those in between not any more.
        var accountant = new RdpAccountant();
        accountant.Compose(new DiscreteLaplaceDpEvent(744.0 / 32000, 32000));
        accountant.GetEpsilon(1e-5).Should().BeGreaterThan(700);
    }

    [Fact]
    public void Tiny_losses_keep_their_digits()
    {
        Pld(new EpsilonDeltaDpEvent(1e-17, 0), 9_000_000_000_000_000_000).GetEpsilon(0).Should().BeRelativelyClose(90, 1e-13);
        Pld(new EpsilonDeltaDpEvent(1e-16, 0), 100_000_000_000_000_000).GetEpsilon(0).Should().BeRelativelyClose(10, 1e-13);
        Pld(new DiscreteLaplaceDpEvent(1e-12, 1), 1_000_000_000_000).GetEpsilon(0).Should().BeRelativelyClose(1, 1e-13);
        Pld(new RandomizedResponseDpEvent(1 - 1e-15, 2), 1, NeighboringRelation.ReplaceOne).GetEpsilon(0)
            .Should().BeRelativelyClose(2 * (1 - (1 - 1e-15)), 1e-13);

        // A quarter of the square is the cost at order two of a small loss; with 1e-17 it was zero.
        var rdp = new RdpAccountant([2]);
        rdp.Compose(new EpsilonDeltaDpEvent(1e-17, 0), 9_000_000_000_000_000_000);
        rdp.GetRdp()[0].Should().BeRelativelyClose(9e18 * 1e-34, 1e-12);
        rdp.GetEpsilon(0).Should().Be(double.PositiveInfinity);
    }

    [Fact]
    public void Only_a_delta_has_a_lower_bound_too()
    {
        Pld(new EpsilonDeltaDpEvent(0, 0.1), 1).GetEpsilonLowerBound(0.2).Should().Be(0);
        Pld(new EpsilonDeltaDpEvent(0, 0.1), 1).GetEpsilonLowerBound(0.05).Should().Be(double.PositiveInfinity);
        var accountant = Pld(new PoissonSampledDpEvent(0.01, new GaussianDpEvent(0.8)), 100);
        var alone = accountant.GetEpsilonLowerBound(1e-5);
        accountant.Compose(new EpsilonDeltaDpEvent(0, 1e-9));
        accountant.GetEpsilonLowerBound(1e-5).Should().BeInRange(alone * 0.999, accountant.GetEpsilon(1e-5)).And.BeGreaterThan(0.3);
    }

    [Fact]
    public void Too_many_outputs_are_refused_by_name()
    {
        foreach (var relation in new[] { NeighboringRelation.AddOrRemoveOne, NeighboringRelation.ReplaceOne })
        {
            foreach (var accountant in new IPrivacyAccountant[] { new RdpAccountant(neighboringRelation: relation), new PldAccountant(relation) })
            {
                foreach (var sensitivity in new[] { 32769, 1_000_000, long.MaxValue })
                {
                    accountant.Invoking(a => a.Compose(new DiscreteLaplaceDpEvent(1, sensitivity)))
                        .Should().Throw<NotSupportedException>().WithMessage($"*DiscreteLaplaceDpEvent*{sensitivity}*EpsilonDeltaDpEvent*");
                }
            }
        }

        new PldAccountant().Invoking(a => a.Compose(new DiscreteLaplaceDpEvent(1, 32768))).Should().NotThrow();
    }

    /// <summary>What is advised instead of many outputs is at least as bad.</summary>
    [Theory]
    [InlineData(1, 1, NeighboringRelation.AddOrRemoveOne)]
    [InlineData(0.02, 30, NeighboringRelation.AddOrRemoveOne)]
    [InlineData(0.1, 5, NeighboringRelation.ReplaceOne)]
    public void A_bound_of_discrete_Laplace(double parameter, long sensitivity, NeighboringRelation relation)
    {
        var discrete = Pld(new DiscreteLaplaceDpEvent(parameter, sensitivity), 3, relation);
        var epsilonOfOne = parameter * sensitivity * (relation == NeighboringRelation.ReplaceOne ? 2 : 1);
        var advised = Pld(new EpsilonDeltaDpEvent(epsilonOfOne, 0), 3, relation);
        for (var epsilon = 0.0; epsilon < 1; epsilon += 0.2)
            advised.GetDelta(epsilon).Should().BeGreaterThanOrEqualTo(discrete.GetDelta(epsilon) * (1 - 1e-9));
    }

    /// <summary>The continuous mechanism of the same epsilon shows less than the discrete one: it is no bound.</summary>
    [Fact]
    public void Discrete_Laplace_shows_more_than_Laplace()
    {
        Pld(new DiscreteLaplaceDpEvent(1, 1), 1).GetDelta(0).Should().BeRelativelyClose(Math.Tanh(0.5), 1e-9);
        Pld(new LaplaceDpEvent(1), 1).GetDelta(0).Should().BeRelativelyClose(1 - Math.Exp(-0.5), 1e-6);
    }

    private static PldAccountant Pld(DpEvent dpEvent, long count, NeighboringRelation relation = NeighboringRelation.AddOrRemoveOne)
    {
        var accountant = new PldAccountant(relation);
        accountant.Compose(dpEvent, count);
        return accountant;
    }
}
