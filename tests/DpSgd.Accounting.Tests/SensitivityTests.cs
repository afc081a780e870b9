namespace DpSgd.Accounting.Tests;

/// <summary>
/// One convention in every accountant: noise is relative to C, an added example moves a sum by C, a replaced one by 2C.
/// </summary>
public class SensitivityTests
{
    [Fact]
    public void Replacing_is_half_the_noise_in_both_accountants()
    {
        foreach (var (full, half) in new (DpEvent, DpEvent)[]
        {
            (new GaussianDpEvent(3), new GaussianDpEvent(1.5)),
            (new LaplaceDpEvent(3), new LaplaceDpEvent(1.5)),
            (new DiscreteLaplaceDpEvent(0.2, 1), new DiscreteLaplaceDpEvent(0.2, 2)),
            (new DiscreteGaussianDpEvent(3), new DiscreteGaussianDpEvent(1.5)),
        })
        {
            Rdp(full, NeighboringRelation.ReplaceOne).Should().Be(Rdp(half, NeighboringRelation.AddOrRemoveOne), "{0}", full);
            Rdp(full, NeighboringRelation.ReplaceSpecial).Should().Be(Rdp(full, NeighboringRelation.AddOrRemoveOne), "{0}", full);
            if (full is DiscreteGaussianDpEvent)
                continue;
            Pld(full, NeighboringRelation.ReplaceOne).Should().Be(Pld(half, NeighboringRelation.AddOrRemoveOne), "{0}", full);
            Pld(full, NeighboringRelation.ReplaceSpecial).Should().Be(Pld(full, NeighboringRelation.AddOrRemoveOne), "{0}", full);
        }
    }

    /// <summary>The bound by Rényi divergences is never below the tight one: an accountant that meant another sensitivity would be.</summary>
    [Fact]
    public void Renyi_divergences_are_never_below_loss_distributions()
    {
        DpEvent[] events =
        [
            new GaussianDpEvent(2), new LaplaceDpEvent(4), new DiscreteLaplaceDpEvent(0.3, 1), new EpsilonDeltaDpEvent(0.2, 1e-9),
            new ExponentialMechanismDpEvent(0.3), new PermuteAndFlipDpEvent(0.3), new RandomizedResponseDpEvent(0.6, 3),
            new PoissonSampledDpEvent(0.05, new GaussianDpEvent(1)), new PoissonSampledDpEvent(0.05, new ComposedDpEvent([new GaussianDpEvent(2), new GaussianDpEvent(3)])),
        ];
        var compared = 0;
        foreach (var relation in Enum.GetValues<NeighboringRelation>())
        {
            foreach (var dpEvent in events)
            {
                // No divergence is known for Poisson samples when one is replaced, and no loss of randomised response when one is added.
                if ((relation == NeighboringRelation.ReplaceOne && dpEvent is PoissonSampledDpEvent)
                    || (relation == NeighboringRelation.AddOrRemoveOne && dpEvent is RandomizedResponseDpEvent))
                {
                    continue;
                }

                // The exponential mechanism alone has a better bound there: its losses lie in a range of length epsilon.
                if (dpEvent is ExponentialMechanismDpEvent)
                    continue;
                Rdp(dpEvent, relation).Should().BeGreaterThanOrEqualTo(Pld(dpEvent, relation) * (1 - 1e-9), "{0} under {1}", dpEvent, relation);
                compared++;
            }
        }

        compared.Should().Be(21);
    }

    /// <summary>The approximation by a central limit is no accountant, so that nothing that takes an accountant can be given it.</summary>
    [Fact]
    public void A_central_limit_cannot_be_in_a_guarantee()
    {
        typeof(CentralLimitApproximation).Should().BeStatic();
        typeof(IPrivacyAccountant).Assembly.GetTypes().Where(type => type.IsAssignableTo(typeof(IPrivacyAccountant)) && !type.IsInterface)
            .Should().BeEquivalentTo([typeof(RdpAccountant), typeof(PldAccountant)]);
    }

    private static double Rdp(DpEvent dpEvent, NeighboringRelation relation)
    {
        var accountant = new RdpAccountant(neighboringRelation: relation);
        accountant.Compose(dpEvent, 30);
        return accountant.GetEpsilon(1e-6);
    }

    private static double Pld(DpEvent dpEvent, NeighboringRelation relation)
    {
        var accountant = new PldAccountant(relation);
        accountant.Compose(dpEvent, 30);
        return accountant.GetEpsilon(1e-6);
    }
}
