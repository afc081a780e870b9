using System.Globalization;

namespace DpSgd.Accounting.Tests.Rdp;

public class RdpAccountantTests
{
    private static readonly DpEvent Step = new PoissonSampledDpEvent(250 / 60000.0, new GaussianDpEvent(1.3));

    [Fact]
    public void The_default_orders_are_the_fields()
    {
        var expected = Enumerable.Range(11, 99).Select(i => double.Parse($"{i / 10}.{i % 10}", CultureInfo.InvariantCulture))
            .Concat(Enumerable.Range(11, 53).Select(i => (double)i))
            .Concat([128, 256, 512, 1024]);

        RdpAccountant.DefaultOrders.Should().Equal(expected).And.HaveCount(156);
        new RdpAccountant().Orders.Should().Equal(RdpAccountant.DefaultOrders);
    }

    [Fact]
    public void A_new_accountant_has_spent_nothing()
    {
        var accountant = new RdpAccountant();
        accountant.GetEpsilonAndOptimalOrder(1e-5).Should().Be((0, 1.1));
        accountant.GetEpsilon(0).Should().Be(0);
        accountant.GetDelta(0).Should().Be(0);
        accountant.GetRdp().Should().OnlyContain(rdp => rdp == 0).And.HaveCount(156);
        accountant.Ledger.Should().BeEmpty();
        accountant.NeighboringRelation.Should().Be(NeighboringRelation.AddOrRemoveOne);
    }

    [Fact]
    public void The_tutorials_run()
    {
        var accountant = Composed(Step, 720);
        var (epsilon, order) = accountant.GetEpsilonAndOptimalOrder(1e-5);

        epsilon.Should().BeApproximately(0.5631726490328034, 1e-15);
        order.Should().Be(18);
        accountant.GetEpsilon(1e-5).Should().Be(epsilon);
        accountant.GetDelta(epsilon).Should().BeRelativelyClose(1e-5, 1e-12);
    }

    /// <summary>Opacus' test of its RDP accountant, with its own orders; its integer orders are exact.</summary>
    [Fact]
    public void The_run_that_Opacus_tests()
    {
        double[] orders = [.. Enumerable.Range(1, 99).Select(x => 1 + x / 10.0), .. Enumerable.Range(12, 52).Select(x => (double)x)];
        var accountant = new RdpAccountant(orders);
        accountant.Compose(new PoissonSampledDpEvent(0.04, new GaussianDpEvent(1.5)), 2250);
        accountant.GetEpsilon(1e-5).Should().BeRelativelyClose(7.32911117143, 1e-9);
    }

    [Fact]
    public void A_Gaussian_costs_order_over_two_sigma_squared()
    {
        var accountant = new RdpAccountant([1.5, 2, 100]);
        accountant.Compose(new GaussianDpEvent(4), 3);
        accountant.GetRdp().Should().Equal(3 * 1.5 / 32, 3 * 2 / 32.0, 3 * 100 / 32.0);
    }

    [Fact]
    public void Replacing_an_example_moves_the_sum_twice_as_far()
    {
        Composed(new GaussianDpEvent(2), 5, NeighboringRelation.ReplaceOne).GetRdp()
            .Should().Equal(Composed(new GaussianDpEvent(1), 5).GetRdp());
        Composed(Step, 5, NeighboringRelation.ReplaceSpecial).GetRdp().Should().Equal(Composed(Step, 5).GetRdp());
    }

    [Fact]
    public void Poisson_samples_are_refused_when_an_example_is_replaced()
    {
        var accountant = new RdpAccountant(neighboringRelation: NeighboringRelation.ReplaceOne);
        accountant.Invoking(a => a.Compose(new ComposedDpEvent([new GaussianDpEvent(1), Step])))
            .Should().Throw<NotSupportedException>().WithMessage("*PoissonSampledDpEvent of GaussianDpEvent*ReplaceOne*");
        accountant.Ledger.Should().BeEmpty();
    }

    [Fact]
    public void Compositions_of_Gaussians_on_one_sample_are_one_Gaussian()
    {
        var many = new SelfComposedDpEvent(new ComposedDpEvent([new GaussianDpEvent(2), new GaussianDpEvent(2)]), 2);
        var one = Composed(new PoissonSampledDpEvent(0.01, new GaussianDpEvent(1)), 7).GetRdp();
        Composed(new PoissonSampledDpEvent(0.01, many), 7).GetRdp().Should().Equal(one);
    }

    [Fact]
    public void Compositions_add_up()
    {
        var gaussian = new GaussianDpEvent(8);
        var nested = new ComposedDpEvent([new SelfComposedDpEvent(Step, 10), gaussian, new NoOpDpEvent(), Step]);
        var accountant = Composed(new SelfComposedDpEvent(nested, 2), 3);

        accountant.Ledger.Should().Equal(
            new LedgerEntry(Step, 66), new LedgerEntry(gaussian, 6), new LedgerEntry(new NoOpDpEvent(), 6));
        var steps = Composed(Step, 1).GetRdp();
        var gaussians = Composed(gaussian, 1).GetRdp();
        accountant.GetRdp().Should().Equal(steps.Zip(gaussians, (s, g) => 66 * s + 6 * g));
    }

    [Fact]
    public void A_hundred_thousand_steps_one_by_one_are_a_hundred_thousand_steps()
    {
        var accountant = new RdpAccountant();
        var last = 0.0;
        for (var i = 0; i < 100_000; i++)
        {
            accountant.Compose(Step);
            var epsilon = accountant.GetEpsilon(1e-5);
            (epsilon >= last).Should().BeTrue();
            last = epsilon;
        }

        last.Should().Be(Composed(Step, 100_000).GetEpsilon(1e-5));
    }

    [Fact]
    public void What_is_not_private_costs_everything()
    {
        foreach (var dpEvent in new DpEvent[]
        {
            new NonPrivateDpEvent(), new GaussianDpEvent(0), new PoissonSampledDpEvent(1e-9, new NonPrivateDpEvent()),
            new PoissonSampledDpEvent(1, new GaussianDpEvent(0)),
        })
        {
            var accountant = Composed(Step, 10);
            accountant.Compose(dpEvent);
            accountant.GetEpsilon(1e-5).Should().Be(double.PositiveInfinity);
            accountant.GetEpsilon(1).Should().Be(0);
            accountant.GetDelta(1e6).Should().Be(1);
            accountant.GetDelta(double.PositiveInfinity).Should().Be(0);
        }
    }

    [Fact]
    public void What_shows_nothing_costs_nothing()
    {
        foreach (var dpEvent in new DpEvent[]
        {
            new NoOpDpEvent(), new GaussianDpEvent(double.PositiveInfinity), new PoissonSampledDpEvent(0, new NonPrivateDpEvent()),
            new PoissonSampledDpEvent(0.5, new NoOpDpEvent()), new PoissonSampledDpEvent(0.5, new ComposedDpEvent([])), new ComposedDpEvent([]),
        })
        {
            Composed(dpEvent, long.MaxValue).GetEpsilon(0).Should().Be(0);
            Composed(dpEvent, long.MaxValue).GetDelta(0).Should().Be(0);
        }
    }

    [Fact]
    public void The_ends_of_delta()
    {
        var accountant = Composed(Step, 720);
        accountant.GetEpsilon(0).Should().Be(double.PositiveInfinity);
        accountant.GetEpsilon(1).Should().Be(0);
        accountant.GetEpsilon(1e-300).Should().BeInRange(40, 41);
        accountant.GetDelta(double.PositiveInfinity).Should().Be(0);
        accountant.GetDelta(10).Should().BeInRange(double.Epsilon, 1e-60);

        // Too small a cost for a double is no licence to claim that nothing was spent.
        Composed(new GaussianDpEvent(1e200), 1).GetEpsilon(0).Should().Be(double.PositiveInfinity);
        Composed(new PoissonSampledDpEvent(1e-200, new GaussianDpEvent(1)), 1).GetEpsilon(0).Should().Be(double.PositiveInfinity);
    }

    [Fact]
    public void An_unsupported_event_anywhere_enters_nothing()
    {
        foreach (var dpEvent in new DpEvent[]
        {
            new UnheardOf(), new SelfComposedDpEvent(new UnheardOf(), 2), new ComposedDpEvent([Step, new UnheardOf()]),
            new PoissonSampledDpEvent(0.5, new UnheardOf()), new PoissonSampledDpEvent(0, new ComposedDpEvent([new UnheardOf()])),
        })
        {
            var accountant = Composed(Step, 10);
            var before = accountant.GetEpsilon(1e-5);
            accountant.Invoking(a => a.Compose(dpEvent)).Should().Throw<NotSupportedException>().WithMessage("*AddOrRemoveOne*")
                .Which.Message.Should().MatchRegex("UnheardOf|PoissonSampledDpEvent of ComposedDpEvent");
            accountant.Ledger.Should().Equal(new LedgerEntry(Step, 10));
            accountant.GetEpsilon(1e-5).Should().Be(before);
        }
    }

    public static TheoryData<DpEvent, NeighboringRelation> WithoutABound => new()
    {
        { new SampledWithoutReplacementDpEvent(100, 10, new GaussianDpEvent(4)), NeighboringRelation.AddOrRemoveOne },
        { new SampledWithoutReplacementDpEvent(100, 10, new GaussianDpEvent(4)), NeighboringRelation.ReplaceSpecial },
        { new SingleEpochTreeAggregationDpEvent(4, [8]), NeighboringRelation.AddOrRemoveOne },
        { new SingleEpochTreeAggregationDpEvent(4, [8]), NeighboringRelation.ReplaceOne },
        { new RandomizedResponseDpEvent(0.5, 4), NeighboringRelation.AddOrRemoveOne },
        { new RepeatAndSelectDpEvent(new EpsilonDeltaDpEvent(1, 0.1), 2, 1), NeighboringRelation.AddOrRemoveOne },
    };

    [Theory]
    [MemberData(nameof(WithoutABound))]
    public void What_has_no_bound_under_a_relation_is_refused(DpEvent dpEvent, NeighboringRelation relation) =>
        new RdpAccountant(neighboringRelation: relation).Invoking(a => a.Compose(dpEvent)).Should().Throw<NotSupportedException>().WithMessage($"*{relation}*");

    [Fact]
    public void A_failure_above_delta_leaves_no_epsilon_even_where_nothing_else_is_lost()
    {
        var accountant = Composed(new EpsilonDeltaDpEvent(0, 0.1), 1);
        accountant.GetEpsilon(0.01).Should().Be(double.PositiveInfinity);
        accountant.GetEpsilon(0.11).Should().Be(0);
        accountant.GetClassicEpsilonAndOptimalOrder(0.01).Epsilon.Should().Be(double.PositiveInfinity);
    }

    [Fact]
    public void What_costs_nothing_costs_nothing_by_the_classic_conversion_too() =>
        Composed(new NoOpDpEvent(), 3).GetClassicEpsilonAndOptimalOrder(1e-5).Epsilon.Should().Be(0);

    [Fact]
    public void Repeating_a_composition_costs_what_repeating_its_sum_costs()
    {
        var sum = Composed(new RepeatAndSelectDpEvent(new GaussianDpEvent(2), 3, 1), 1).GetRdp();
        var parts = Composed(new RepeatAndSelectDpEvent(new SelfComposedDpEvent(new GaussianDpEvent(6), 9), 3, 1), 1).GetRdp();
        parts.Zip(sum).Should().OnlyContain(pair => Math.Abs(pair.First - pair.Second) <= 1e-12 * pair.Second);
    }

    [Fact]
    public void A_sample_of_a_sample_is_refused() => new RdpAccountant()
        .Invoking(a => a.Compose(new PoissonSampledDpEvent(0.5, Step)))
        .Should().Throw<NotSupportedException>().WithMessage("*PoissonSampledDpEvent of PoissonSampledDpEvent of GaussianDpEvent*");

    [Fact]
    public void A_count_that_overflows_enters_nothing()
    {
        var accountant = Composed(Step, long.MaxValue);
        accountant.Invoking(a => a.Compose(new ComposedDpEvent([new GaussianDpEvent(1), Step]))).Should().Throw<OverflowException>();
        accountant.Ledger.Should().Equal(new LedgerEntry(Step, long.MaxValue));
        accountant.GetRdp().Should().HaveCount(156);
    }

    [Fact]
    public void Optimizers_may_share_an_accountant()
    {
        var accountant = new RdpAccountant();
        var events = Enumerable.Range(0, 8).Select(i => new PoissonSampledDpEvent(0.01, new GaussianDpEvent(1 + i / 2))).ToArray();
        Parallel.For(0, 4000, i =>
        {
            accountant.Compose(events[i % 8]);
            if (i % 100 == 0)
                accountant.GetEpsilon(1e-5).Should().BeGreaterThan(0);
        });

        accountant.Ledger.Should().HaveCount(4).And.OnlyContain(entry => entry.Count == 1000);
    }

    [Fact]
    public void What_was_handed_out_does_not_change()
    {
        var accountant = Composed(Step, 1);
        var (rdp, ledger) = (accountant.GetRdp(), accountant.Ledger);
        var copy = rdp.ToArray();
        accountant.Compose(Step);
        rdp.Should().Equal(copy);
        ledger.Should().Equal(new LedgerEntry(Step, 1));
    }

    [Theory]
    [InlineData(double.NaN)]
    [InlineData(-0.1)]
    [InlineData(1.0000000000000002)]
    public void Wrong_deltas(double delta)
    {
        new RdpAccountant().Invoking(a => a.GetEpsilon(delta)).Should().Throw<ArgumentOutOfRangeException>().WithParameterName("targetDelta");
        new RdpAccountant().Invoking(a => a.GetEpsilonAndOptimalOrder(delta)).Should().Throw<ArgumentOutOfRangeException>();
    }

    [Theory]
    [InlineData(double.NaN)]
    [InlineData(-1e-300)]
    public void Wrong_epsilons(double epsilon) => new RdpAccountant().Invoking(a => a.GetDelta(epsilon))
        .Should().Throw<ArgumentOutOfRangeException>().WithParameterName("targetEpsilon");

    [Theory]
    [InlineData(1)]
    [InlineData(0.5)]
    [InlineData(-2)]
    [InlineData(double.NaN)]
    [InlineData(double.PositiveInfinity)]
    public void Wrong_orders(double order) => FluentActions.Invoking(() => new RdpAccountant([2, order]))
        .Should().Throw<ArgumentOutOfRangeException>().WithParameterName("orders").WithMessage("*greater than 1*");

    [Fact]
    public void Other_wrong_arguments()
    {
        FluentActions.Invoking(() => new RdpAccountant([])).Should().Throw<ArgumentException>().WithParameterName("orders");
        FluentActions.Invoking(() => new RdpAccountant(neighboringRelation: (NeighboringRelation)7))
            .Should().Throw<ArgumentOutOfRangeException>().WithParameterName("neighboringRelation");
        new RdpAccountant().Invoking(a => a.Compose(null!)).Should().Throw<ArgumentNullException>().WithParameterName("dpEvent");
        new RdpAccountant().Invoking(a => a.Compose(Step, 0)).Should().Throw<ArgumentOutOfRangeException>().WithParameterName("count");
    }

    /// <summary>From a quadrature with 30 digits. A series in the order does not converge here.</summary>
    [Fact]
    public void Fractional_orders_near_one_are_exact_where_they_decide()
    {
        var (epsilon, order) = Composed(new PoissonSampledDpEvent(0.2, new GaussianDpEvent(0.36)), 1000).GetEpsilonAndOptimalOrder(0.01);
        epsilon.Should().BeRelativelyClose(603.613638001017003522, 1e-12);
        order.Should().Be(1.1);
    }

    /// <summary>Delta zero would say that nothing at all is worse than epsilon.</summary>
    [Fact]
    public void A_delta_that_is_too_small_for_a_double_is_not_zero()
    {
        Composed(new GaussianDpEvent(1), 1).GetDelta(1e4).Should().Be(double.Epsilon);
        Composed(Step, 720).GetDelta(1e6).Should().Be(double.Epsilon);
        Composed(new NoOpDpEvent(), 1).GetDelta(0).Should().Be(0);
    }

    private static RdpAccountant Composed(
        DpEvent dpEvent, long count, NeighboringRelation relation = NeighboringRelation.AddOrRemoveOne)
    {
        var accountant = new RdpAccountant(neighboringRelation: relation);
        accountant.Compose(dpEvent, count);
        return accountant;
    }

    private sealed record UnheardOf : DpEvent;
}
