namespace DpSgd.Accounting.Tests.State;

public class AccountantJsonTests
{
    private static readonly DpEvent Step = new PoissonSampledDpEvent(250 / 60000.0, new GaussianDpEvent(1.3));

    private static readonly DpEvent[] EveryEvent =
    [
        Step,
        new NoOpDpEvent(), new GaussianDpEvent(double.PositiveInfinity), new LaplaceDpEvent(1 / 3.0), new DiscreteGaussianDpEvent(2, 1.5),
        new DiscreteLaplaceDpEvent(0.7, 2), new EpsilonDeltaDpEvent(0.1, 1e-9), new ZCDpEvent(0.1, 0.01), new RandomizedResponseDpEvent(0.3, 4),
        new ExponentialMechanismDpEvent(0.2), new PermuteAndFlipDpEvent(0.2), new NonPrivateDpEvent(),
        new SingleEpochTreeAggregationDpEvent(3, [1, 20]), new RepeatAndSelectDpEvent(new ComposedDpEvent([new GaussianDpEvent(3), new SelfComposedDpEvent(new LaplaceDpEvent(5), 3)]), 2, double.PositiveInfinity),
        new PoissonSampledDpEvent(0.1, new SelfComposedDpEvent(new ComposedDpEvent([new GaussianDpEvent(1), new GaussianDpEvent(2)]), 2)),
    ];

    [Fact]
    public void An_rdp_accountant_survives()
    {
        var accountant = new RdpAccountant([1.1, 17.25, 300], NeighboringRelation.ReplaceSpecial);
        for (var i = 0; i < EveryEvent.Length; i++)
            accountant.Compose(EveryEvent[i], i + 1);
        var json = accountant.ToJson();
        var copy = RdpAccountant.FromJson(json);

        copy.Orders.Should().Equal(accountant.Orders);
        copy.NeighboringRelation.Should().Be(accountant.NeighboringRelation);
        copy.Ledger.Should().Equal(accountant.Ledger).And.HaveCount(EveryEvent.Length);
        copy.GetRdp().Should().Equal(accountant.GetRdp());
        copy.ToJson().Should().Be(json);
        json.Should().Contain("\"version\": 1").And.Contain("ReplaceSpecial").And.NotContain("\r");
    }

    [Fact]
    public void A_sample_without_replacement_survives()
    {
        var accountant = new RdpAccountant(neighboringRelation: NeighboringRelation.ReplaceOne);
        accountant.Compose(new SampledWithoutReplacementDpEvent(100, 10, new GaussianDpEvent(4)), 7);
        RdpAccountant.FromJson(accountant.ToJson()).GetEpsilon(1e-5).Should().Be(accountant.GetEpsilon(1e-5));
    }

    [Fact]
    public void A_pld_accountant_survives()
    {
        var accountant = new PldAccountant(NeighboringRelation.AddOrRemoveOne, 1e-3);
        accountant.Compose(Step, 720);
        accountant.Compose(new MixtureOfGaussiansDpEvent(3, [0, 1, 2], [0.9, 0.05, 0.05]), 3);
        accountant.Compose(new TruncatedSubsampledGaussianDpEvent(100, 0.1, 12, 2));
        var copy = PldAccountant.FromJson(accountant.ToJson());
        copy.Ledger.Should().Equal(accountant.Ledger);
        copy.ValueDiscretizationInterval.Should().Be(1e-3);
        copy.GetEpsilon(1e-5).Should().Be(accountant.GetEpsilon(1e-5));
    }

    [Fact]
    public void An_empty_accountant_survives() => RdpAccountant.FromJson(new RdpAccountant().ToJson()).GetEpsilon(0).Should().Be(0);

    [Theory]
    [InlineData("")]
    [InlineData("null")]
    [InlineData("[]")]
    [InlineData("{}")]
    [InlineData("{\"format\": \"something else\", \"version\": 1}")]
    [InlineData("{\"format\": 3, \"version\": 1}")]
    [InlineData("{\"format\": \"DpSgd accountant\", \"version\": 1}")]
    [InlineData("{\"format\": \"DpSgd accountant\"}")]
    public void What_is_no_state_is_refused(string json)
    {
        FluentActions.Invoking(() => RdpAccountant.FromJson(json)).Should().Throw<FormatException>();
        FluentActions.Invoking(() => PldAccountant.FromJson(json)).Should().Throw<FormatException>();
    }

    [Fact]
    public void Every_change_of_a_character_is_noticed()
    {
        var accountant = new RdpAccountant([2, 8]);
        accountant.Compose(Step, 72);
        var json = accountant.ToJson();
        for (var i = 0; i < json.Length; i++)
        {
            if (char.IsWhiteSpace(json[i]))
                continue;
            var damaged = json[..i] + (json[i] == '3' ? '4' : '3') + json[(i + 1)..];
            FluentActions.Invoking(() => RdpAccountant.FromJson(damaged)).Should().Throw<FormatException>("character {0} was changed: {1}", i, damaged);
            FluentActions.Invoking(() => RdpAccountant.FromJson(json[..i])).Should().Throw<FormatException>();
        }
    }

    [Fact]
    public void A_newer_version_is_refused_by_number() => FluentActions
        .Invoking(() => RdpAccountant.FromJson(new RdpAccountant().ToJson().Replace("\"version\": 1", "\"version\": 2", StringComparison.Ordinal)))
        .Should().Throw<FormatException>().WithMessage("*version 2*version 1*");

    [Fact]
    public void The_other_kind_is_refused_by_name()
    {
        FluentActions.Invoking(() => RdpAccountant.FromJson(new PldAccountant().ToJson())).Should().Throw<FormatException>().WithMessage("*pld*rdp*");
        FluentActions.Invoking(() => PldAccountant.FromJson(new RdpAccountant().ToJson())).Should().Throw<FormatException>().WithMessage("*rdp*pld*");
        FluentActions.Invoking(() => PldAccountant.FromJson(null!)).Should().Throw<ArgumentNullException>().WithParameterName("json");
    }

    [Fact]
    public void Deeply_nested_events_are_written_or_refused()
    {
        RdpAccountant Nested(int levels)
        {
            DpEvent nested = new GaussianDpEvent(5);
            for (var i = 0; i < levels; i++)
                nested = new SelfComposedDpEvent(nested, 1);
            var accountant = new RdpAccountant();
            accountant.Compose(new PoissonSampledDpEvent(0.1, nested));
            return accountant;
        }

        var deep = Nested(300);
        RdpAccountant.FromJson(deep.ToJson()).GetEpsilon(1e-5).Should().Be(deep.GetEpsilon(1e-5));
        Nested(2000).Invoking(accountant => accountant.ToJson()).Should().Throw<NotSupportedException>().WithMessage("*nested too deep*");
    }
}
