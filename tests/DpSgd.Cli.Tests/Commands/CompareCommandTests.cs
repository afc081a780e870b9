using DpSgd.Accounting;
using DpSgd.Cli.Tests.TestKit;

namespace DpSgd.Cli.Tests.Commands;

public class CompareCommandTests
{
    [Fact]
    public void Has_six_numbers_each_the_accountants_own()
    {
        var json = Dpsgd.InProcess($"compare {Dpsgd.Run} --noise-multiplier 1.3 --json").Json;
        var noise = new GaussianDpEvent(1.3);
        var expected = new[]
        {
            ("poisson", "rdp", Epsilon(new RdpAccountant(), new PoissonSampledDpEvent(250.0 / 60_000, noise), 720)),
            ("poisson", "pld", Epsilon(new PldAccountant(), new PoissonSampledDpEvent(250.0 / 60_000, noise), 720)),
            ("once-per-epoch", "rdp", Epsilon(new RdpAccountant(), noise, 3)),
            ("once-per-epoch", "pld", Epsilon(new PldAccountant(), noise, 3)),
            ("undeclared", "rdp", Epsilon(new RdpAccountant(), noise, 720)),
            ("undeclared", "pld", Epsilon(new PldAccountant(), noise, 720)),
        };
        json.GetProperty("epsilons").EnumerateArray()
            .Select(e => (e.GetProperty("sampling").GetString()!, e.GetProperty("accountant").GetString()!, e.GetProperty("epsilon").GetDouble()))
            .Should().Equal(expected);
    }

    [Fact]
    public void Is_a_table()
    {
        Dpsgd.InProcess($"compare {Dpsgd.Run} --noise-multiplier 1.3").Output.Should().Be("""
            720 steps on batches of 250 of 60000 examples, noise multiplier 1.3, delta 1e-05:
            ┌────────────────────────────────────────────┬────────────┬────────────┐
            │ batches                                    │ eps by RDP │ eps by PLD │
            ├────────────────────────────────────────────┼────────────┼────────────┤
            │ Poisson samples                            │     0.5632 │     0.3703 │
            │ each example once an epoch                 │      6.598 │      6.124 │
            │ nothing known: each example in every batch │      310.5 │      300.1 │
            └────────────────────────────────────────────┴────────────┴────────────┘

            """.ReplaceLineEndings("\n"));
        Dpsgd.InProcess($"compare {Dpsgd.Run} --noise-multiplier 0").Output.Should().Contain("inf");
    }

    private static double Epsilon(IPrivacyAccountant accountant, DpEvent dpEvent, long count)
    {
        accountant.Compose(dpEvent, count);
        return accountant.GetEpsilon(1e-5);
    }
}
