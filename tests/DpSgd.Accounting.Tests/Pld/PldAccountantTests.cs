using System.Text.Json;

namespace DpSgd.Accounting.Tests.Pld;

public class PldAccountantTests
{
    private static readonly DpEvent Step = new PoissonSampledDpEvent(250 / 60000.0, new GaussianDpEvent(1.3));

    /// <summary>The tutorial's run: 0.37025523370096025 by arbitrary precision.</summary>
    [Theory]
    [InlineData(1e-4)]
    [InlineData(1e-20)]
    public void Hardly_any_noise_without_sampling_has_its_closed_form(double noiseMultiplier)
    {
        var accountant = new PldAccountant();
        accountant.Compose(new GaussianDpEvent(noiseMultiplier));
        accountant.GetEpsilon(1e-5).Should().Be(GaussianMechanism.GetEpsilon(noiseMultiplier, 1e-5)).And.BePositive();
    }

    [Fact]
    public void What_is_taken_for_everything_to_be_safe_is_in_no_lower_bound()
    {
        // Its largest loss is 1e4, and its probabilities cannot be written down.
        var (whole, sampled) = (new PldAccountant(), new PldAccountant());
        whole.Compose(new LaplaceDpEvent(1e-4));
        sampled.Compose(new PoissonSampledDpEvent(0.1, new LaplaceDpEvent(1e-4)));
        whole.GetEpsilonLowerBound(1e-5).Should().BeLessThanOrEqualTo(1e4);
        whole.GetEpsilon(1e-5).Should().BeGreaterThanOrEqualTo(1e4 - 20);
        sampled.GetDeltaLowerBound(2e4).Should().Be(0);
    }

    [Fact]
    public void The_worse_of_the_two_directions_decides()
    {
        // The lie of one in two hundred is as likely as the truth where the example is blanked out.
        var accountant = new PldAccountant(NeighboringRelation.ReplaceSpecial);
        accountant.Compose(new RandomizedResponseDpEvent(0.01, 2));
        accountant.GetEpsilon(1e-5).Should().BeApproximately(Math.Log((0.5 - 1e-5) / 0.005), 1e-3);
    }

    [Fact]
    public void A_truncation_that_cannot_happen_costs_nothing()
    {
        var (truncated, poisson) = (new PldAccountant(), new PldAccountant());
        truncated.Compose(new TruncatedSubsampledGaussianDpEvent(100, 0.1, 100, 1), 10);
        poisson.Compose(new PoissonSampledDpEvent(0.1, new GaussianDpEvent(1)), 10);
        truncated.GetDelta(1).Should().BeApproximately(poisson.GetDelta(1), 1e-12);
        truncated.GetEpsilon(1e-5).Should().BeApproximately(poisson.GetEpsilon(1e-5), 1e-9);
    }

    [Fact]
    public void The_tutorials_run_as_tight_as_can_be()
    {
        var accountant = Composed(Step, 720);
        accountant.GetEpsilon(1e-5).Should().BeInRange(0.37025523370096025, 0.370257);
        accountant.GetEpsilonLowerBound(1e-5).Should().BeInRange(0.370254, 0.37025523370096025);
    }

    [Fact]
    public void Gaussian_mechanisms_alone_are_exact()
    {
        Composed(new GaussianDpEvent(3), 4).GetEpsilon(1e-5).Should().Be(GaussianMechanism.GetEpsilon(1.5, 1e-5));
        Composed(new GaussianDpEvent(3), 4, NeighboringRelation.ReplaceOne).GetDelta(0.5).Should().Be(GaussianMechanism.GetDelta(0.75, 0.5));
        Composed(new PoissonSampledDpEvent(1, new GaussianDpEvent(1e-3)), 10).GetEpsilon(1e-5).Should().Be(GaussianMechanism.GetEpsilon(1e-3 / Math.Sqrt(10), 1e-5));
    }

    /// <summary>Far apart in every direction: both bounds stay on their sides, and nothing hangs or fails.</summary>
    [Theory]
    [InlineData(0.001489, 0.07118, 168, 0.00481)]
    [InlineData(0.0002338, 0.05299, 47438, 7.59E-05)]
    [InlineData(1.427E-05, 0.06945, 754956, 1.13E-10)]
    [InlineData(0.0006353, 0.1241, 1633, 3.14E-15)]
    [InlineData(8.792E-07, 0.05581, 6, 0.000124)]
    [InlineData(5.404E-06, 0.6764, 975777, 1.68E-15)]
    [InlineData(0.08086, 0.03567, 64, 7.53E-14)]
    [InlineData(0.7789, 0.2176, 3, 4.18E-13)]
    [InlineData(1e-5, 2, 1000, 1e-9)]
    [InlineData(0.5, 30, 10, 1e-15)]
    [InlineData(0.01, 0.5, 1000, 1e-14)]
    public void Extremes(double q, double sigma, long steps, double delta)
    {
        foreach (var relation in new[] { NeighboringRelation.AddOrRemoveOne, NeighboringRelation.ReplaceOne })
        {
            var accountant = Composed(new PoissonSampledDpEvent(q, new GaussianDpEvent(sigma)), steps, relation);
            var epsilon = accountant.GetEpsilon(delta);
            epsilon.Should().BeInRange(accountant.GetEpsilonLowerBound(delta), double.MaxValue);
            accountant.GetDelta(epsilon).Should().BeInRange(accountant.GetDeltaLowerBound(epsilon), 6 * delta, "delta is asked for on another grid");
            accountant.GetDeltaLowerBound(epsilon).Should().BeLessThanOrEqualTo(delta * (1 + 1e-6));
            if (relation == NeighboringRelation.AddOrRemoveOne)
            {
                var rdp = new RdpAccountant();
                rdp.Compose(new PoissonSampledDpEvent(q, new GaussianDpEvent(sigma)), steps);
                epsilon.Should().BeLessThanOrEqualTo(rdp.GetEpsilon(delta), "privacy loss distributions are never worse than Rényi divergences");
            }
        }
    }

    /// <summary>As many steps as can be counted: a bound or infinity, but no failure.</summary>
    [Theory]
    [InlineData(1e-17, 1e8, 0.5)]
    [InlineData(0.9999999999999999, 0.03, 1e-15)]
    public void More_steps_than_there_are_digits(double q, double sigma, double delta)
    {
        foreach (var relation in new[] { NeighboringRelation.AddOrRemoveOne, NeighboringRelation.ReplaceOne })
        {
            var accountant = Composed(new PoissonSampledDpEvent(q, new GaussianDpEvent(sigma)), long.MaxValue, relation);
            accountant.GetEpsilon(delta).Should().BeInRange(accountant.GetEpsilonLowerBound(delta), double.PositiveInfinity);
            accountant.GetDelta(1).Should().BeInRange(accountant.GetDeltaLowerBound(1), 1);
        }
    }

    /// <summary>Without noise, or nearly, a sample shows who is in it: delta is the probability of ever being in one.</summary>
    [Theory]
    [InlineData(0)]
    [InlineData(1e-300)]
    [InlineData(1e-49)]
    [InlineData(9e-4)]
    public void Hardly_any_noise_on_samples(double sigma)
    {
        foreach (var relation in new[] { NeighboringRelation.AddOrRemoveOne, NeighboringRelation.ReplaceOne })
        {
            foreach (var dpEvent in new DpEvent[]
            {
                new PoissonSampledDpEvent(0.1, new GaussianDpEvent(sigma)),
                new PoissonSampledDpEvent(0.1, new LaplaceDpEvent(sigma)),
                new MixtureOfGaussiansDpEvent(sigma, [0, 1], [0.9, 0.1]),
            }.Take(relation == NeighboringRelation.ReplaceOne ? 1 : 3))
            {
                var accountant = Composed(dpEvent, 2, relation);
                accountant.GetDelta(3).Should().BeRelativelyClose(0.19, 1e-14);
                accountant.GetEpsilon(0.2).Should().Be(0);
                accountant.GetEpsilon(0.18).Should().BeGreaterThan(400);
                accountant.GetDeltaLowerBound(3).Should().BeInRange(sigma == 0 ? 0.18999999 : 0, 0.1900001);
            }

            // Beside a mechanism without samples, and with samples of a fixed size.
            var beside = Composed(new PoissonSampledDpEvent(0.1, new GaussianDpEvent(1)), 2, relation);
            beside.Compose(new GaussianDpEvent(sigma));
            beside.GetEpsilon(0.18).Should().BeGreaterThan(400);
            Composed(new TruncatedSubsampledGaussianDpEvent(100, 0.1, 10, sigma), 2, relation).GetEpsilon(1e-5).Should().BeGreaterThan(400);
        }
    }

    /// <summary>Losses of a million, and steps so small that no grid can hold them: still a bound, and soon.</summary>
    [Theory]
    [InlineData(0.3, 0.001, 2, 1e-6, 1001000)]
    [InlineData(1e-12, 1, 1000000000000, 1e-6, 1e-4)]
    public void What_no_grid_can_hold(double q, double sigma, long steps, double delta, double most)
    {
        foreach (var relation in new[] { NeighboringRelation.AddOrRemoveOne, NeighboringRelation.ReplaceOne })
        {
            var accountant = Composed(new PoissonSampledDpEvent(q, new GaussianDpEvent(sigma)), steps, relation);
            accountant.GetEpsilon(delta).Should().BeInRange(
                accountant.GetEpsilonLowerBound(delta), most * (relation == NeighboringRelation.ReplaceOne ? 4.1 : 1.1));
        }
    }

    /// <summary>Where plain transforms fail: 30.672 by an inverse Laplace transform in arbitrary precision, 28.8 or 29.99 by others.</summary>
    [Fact]
    public void A_small_delta()
    {
        var accountant = Composed(new PoissonSampledDpEvent(0.01, new GaussianDpEvent(0.5)), 1000);
        accountant.GetEpsilon(1e-14).Should().BeInRange(30.6715, 30.6725);
        accountant.GetEpsilonLowerBound(1e-14).Should().BeInRange(30.671, accountant.GetEpsilon(1e-14));
    }

    [Fact]
    public void An_epsilon_of_the_PRV_accountant_lies_between_its_bounds()
    {
        foreach (var row in GoldenFile.Rows("prv.json"))
        {
            var accountant = new PldAccountant();
            if (row.TryGetProperty("events", out var events))
            {
                foreach (var part in events.EnumerateArray())
                    accountant.Compose(Event(part), part.Integer("count"));
            }
            else
            {
                accountant.Compose(new PoissonSampledDpEvent(row.Number("q"), new GaussianDpEvent(row.Number("sigma"))), row.Integer("steps"));
            }

            accountant.GetEpsilon(row.Number("delta")).Should().BeInRange(row.Number("eps_lower_ref"), row.Number("eps_upper_ref"), "{0}", row);
        }

        static DpEvent Event(JsonElement part) => part.GetProperty("type").GetString() == "gaussian"
            ? new GaussianDpEvent(part.Number("sigma"))
            : new PoissonSampledDpEvent(part.Number("q"), new GaussianDpEvent(part.Number("sigma")));
    }

    [Fact]
    public void Nothing_and_everything()
    {
        new PldAccountant().GetEpsilon(0).Should().Be(0);
        new PldAccountant().GetDelta(0).Should().Be(0);
        foreach (var dpEvent in new DpEvent[] { new NoOpDpEvent(), new PoissonSampledDpEvent(0, new GaussianDpEvent(0)), new GaussianDpEvent(double.PositiveInfinity), new EpsilonDeltaDpEvent(0, 0) })
            Composed(dpEvent, 5).GetEpsilon(0).Should().Be(0);
        foreach (var dpEvent in new DpEvent[] { new NonPrivateDpEvent(), new GaussianDpEvent(0), new PoissonSampledDpEvent(1, new GaussianDpEvent(0)), new LaplaceDpEvent(0), new EpsilonDeltaDpEvent(1, 1) })
        {
            Composed(dpEvent, 1).GetEpsilon(0.5).Should().Be(double.PositiveInfinity);
            Composed(dpEvent, 1).GetEpsilon(1).Should().Be(0);
            Composed(dpEvent, 1).GetDelta(3).Should().Be(1);
            Composed(dpEvent, 1).GetDelta(double.PositiveInfinity).Should().Be(0);
        }

        Composed(Step, 10).GetEpsilon(0).Should().Be(double.PositiveInfinity);
        Composed(Step, 10).GetDelta(10000).Should().BeLessThan(1e-300);
    }

    [Fact]
    public void What_is_purely_private_needs_no_delta()
    {
        Composed(new LaplaceDpEvent(2), 3).GetEpsilon(0).Should().BeApproximately(1.5, 1e-12);
        Composed(new EpsilonDeltaDpEvent(0.5, 0), 3).GetEpsilon(1e-300).Should().BeApproximately(1.5, 1e-12);
        Composed(new LaplaceDpEvent(2), 3).GetDelta(1.5).Should().Be(0);
        Composed(new EpsilonDeltaDpEvent(0.5, 1e-3), 2).GetEpsilon(1e-3).Should().Be(double.PositiveInfinity, "the delta of two is larger");
    }

    [Fact]
    public void Counts_count_for_every_event()
    {
        foreach (var (dpEvent, relation) in new (DpEvent, NeighboringRelation)[]
        {
            (new ExponentialMechanismDpEvent(0.1), NeighboringRelation.AddOrRemoveOne),
            (new PermuteAndFlipDpEvent(0.1), NeighboringRelation.AddOrRemoveOne),
            (new LaplaceDpEvent(10), NeighboringRelation.ReplaceOne),
            (new DiscreteLaplaceDpEvent(0.1, 1), NeighboringRelation.AddOrRemoveOne),
            (new RandomizedResponseDpEvent(0.5, 2), NeighboringRelation.ReplaceOne),
        })
        {
            var ten = Composed(dpEvent, 10, relation).GetEpsilon(1e-6);
            ten.Should().BeGreaterThan(2 * Composed(dpEvent, 1, relation).GetEpsilon(1e-6), "{0}", dpEvent);
            var oneByOne = new PldAccountant(relation);
            for (var i = 0; i < 10; i++)
                oneByOne.Compose(dpEvent);
            oneByOne.GetEpsilon(1e-6).Should().Be(ten);
        }
    }

    [Fact]
    public void What_has_no_bound_is_refused_by_name_and_enters_nothing()
    {
        foreach (var (dpEvent, relation, name) in new (DpEvent, NeighboringRelation, string)[]
        {
            (new SampledWithoutReplacementDpEvent(100, 10, new GaussianDpEvent(1)), NeighboringRelation.ReplaceOne, "SampledWithoutReplacementDpEvent of GaussianDpEvent"),
            (new SampledWithReplacementDpEvent(100, 10, new GaussianDpEvent(1)), NeighboringRelation.AddOrRemoveOne, "SampledWithReplacementDpEvent of GaussianDpEvent"),
            (new RandomizedResponseDpEvent(0.5, 2), NeighboringRelation.AddOrRemoveOne, "RandomizedResponseDpEvent"),
            (new MixtureOfGaussiansDpEvent(1, [1], [1]), NeighboringRelation.ReplaceOne, "MixtureOfGaussiansDpEvent"),
            (new PoissonSampledDpEvent(0.1, new LaplaceDpEvent(1)), NeighboringRelation.ReplaceOne, "PoissonSampledDpEvent of LaplaceDpEvent"),
            (new ZCDpEvent(1), NeighboringRelation.AddOrRemoveOne, "ZCDpEvent"),
            (new ComposedDpEvent([Step, new RepeatAndSelectDpEvent(Step, 2, 1)]), NeighboringRelation.AddOrRemoveOne, "RepeatAndSelectDpEvent of PoissonSampledDpEvent"),
        })
        {
            var accountant = new PldAccountant(relation);
            accountant.Invoking(a => a.Compose(dpEvent)).Should().Throw<NotSupportedException>().WithMessage($"PldAccountant*{name}*{relation}*");
            accountant.Ledger.Should().BeEmpty();
        }
    }

    [Fact]
    public void A_clone_goes_its_own_way()
    {
        var accountant = Composed(Step, 10);
        var clone = accountant.Clone();
        clone.Compose(new GaussianDpEvent(5));
        accountant.Ledger.Should().Equal(new LedgerEntry(Step, 10));
        clone.Ledger.Should().HaveCount(2);
        clone.GetEpsilon(1e-5).Should().BeGreaterThan(accountant.GetEpsilon(1e-5));
    }

    [Fact]
    public void Threads_may_share_an_accountant()
    {
        var accountant = new PldAccountant(valueDiscretizationInterval: 1e-2);
        Parallel.For(0, 400, i =>
        {
            accountant.Compose(Step);
            if (i % 100 == 0)
                accountant.GetEpsilon(1e-5).Should().BeGreaterThanOrEqualTo(0);
        });
        accountant.Ledger.Should().Equal(new LedgerEntry(Step, 400));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(-1)]
    [InlineData(double.NaN)]
    [InlineData(double.PositiveInfinity)]
    public void Wrong_intervals(double interval) => FluentActions.Invoking(() => new PldAccountant(valueDiscretizationInterval: interval))
        .Should().Throw<ArgumentOutOfRangeException>().WithParameterName("valueDiscretizationInterval");

    [Fact]
    public void Other_wrong_arguments()
    {
        FluentActions.Invoking(() => new PldAccountant((NeighboringRelation)7)).Should().Throw<ArgumentOutOfRangeException>().WithParameterName("neighboringRelation");
        var accountant = Composed(Step, 1);
        foreach (var wrong in new[] { double.NaN, -0.1, 1.5 })
        {
            accountant.Invoking(a => a.GetEpsilon(wrong)).Should().Throw<ArgumentOutOfRangeException>().WithParameterName("targetDelta");
            accountant.Invoking(a => a.GetEpsilonLowerBound(wrong)).Should().Throw<ArgumentOutOfRangeException>();
        }

        accountant.Invoking(a => a.GetDelta(double.NaN)).Should().Throw<ArgumentOutOfRangeException>().WithParameterName("targetEpsilon");
        accountant.Invoking(a => a.GetDelta(-1)).Should().Throw<ArgumentOutOfRangeException>().WithParameterName("targetEpsilon");
        accountant.Invoking(a => a.Compose(null!)).Should().Throw<ArgumentNullException>().WithParameterName("dpEvent");
        accountant.Invoking(a => a.Compose(Step, 0)).Should().Throw<ArgumentOutOfRangeException>().WithParameterName("count");
    }

    [Fact]
    public void A_coarse_interval_is_still_a_bound()
    {
        var coarse = new PldAccountant(valueDiscretizationInterval: 1);
        coarse.Compose(new PoissonSampledDpEvent(0.01, new GaussianDpEvent(1)), 10);
        coarse.GetEpsilon(1e-5).Should().BeGreaterThanOrEqualTo(Composed(new PoissonSampledDpEvent(0.01, new GaussianDpEvent(1)), 10).GetEpsilonLowerBound(1e-5));
    }

    /// <summary>Delta zero would say that nothing at all is worse than epsilon.</summary>
    [Theory]
    [InlineData(1, 1.0)]
    [InlineData(0.01, 1.0)]
    [InlineData(0.01, 0.02)]   // in closed form
    public void A_delta_that_is_too_small_for_a_double_is_not_zero(double q, double sigma)
    {
        var step = new PoissonSampledDpEvent(q, new GaussianDpEvent(sigma));
        var accountant = Composed(step, 10);
        accountant.GetDelta(1e6).Should().Be(double.Epsilon);
        accountant.GetDeltaLowerBound(1e6).Should().Be(0);
        Composed(step, 10, NeighboringRelation.ReplaceOne).GetDelta(1e6).Should().BePositive();
        Composed(new LaplaceDpEvent(1), 10).GetDelta(10.01).Should().Be(0, "no loss is larger");
    }

    private static PldAccountant Composed(DpEvent dpEvent, long count, NeighboringRelation relation = NeighboringRelation.AddOrRemoveOne)
    {
        var accountant = new PldAccountant(relation);
        accountant.Compose(dpEvent, count);
        return accountant;
    }
}
