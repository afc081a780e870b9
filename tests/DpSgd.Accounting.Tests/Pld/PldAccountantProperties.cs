using DpSgd.Accounting.Tests.Rdp;
using FsCheck;
using FsCheck.Fluent;
using FsCheck.Xunit;

namespace DpSgd.Accounting.Tests.Pld;

/// <summary>What must hold for every run of DP-SGD, by privacy loss distributions. The seeds are fixed.</summary>
[Properties(Arbitrary = [typeof(Runs)], MaxTest = 12, QuietOnSuccess = true)]
public class PldAccountantProperties
{
    // Two runs have grids of their own, and so errors of their own.
    private const double Grids = 2e-4;

    [Property(Replay = "(3001,4001)")]
    public void Epsilon_falls_with_the_noise(RdpAccountantProperties.Run run, RdpAccountantProperties.Factor factor) =>
        AtMost(Epsilon(run with { Sigma = run.Sigma * factor.Value }), Epsilon(run));

    [Property(Replay = "(3002,4003)")]
    public void Epsilon_falls_with_delta(RdpAccountantProperties.Run run, RdpAccountantProperties.Factor factor) =>
        AtMost(Epsilon(run with { Delta = Math.Min(1, run.Delta * factor.Value) }), Epsilon(run));

    [Property(Replay = "(3003,4005)")]
    public void Epsilon_grows_with_the_steps(RdpAccountantProperties.Run run, RdpAccountantProperties.Factor factor) =>
        AtMost(Epsilon(run), Epsilon(run with { Steps = (long)(run.Steps * factor.Value) }));

    [Property(Replay = "(3004,4007)")]
    public void Epsilon_grows_with_the_sampling_probability(RdpAccountantProperties.Run run, RdpAccountantProperties.Factor factor) =>
        AtMost(Epsilon(run), Epsilon(run with { Q = Math.Min(1, run.Q * factor.Value) }));

    [Property(Replay = "(3005,4009)")]
    public void Sampling_never_hurts(RdpAccountantProperties.Run run) =>
        AtMost(Epsilon(run), GaussianMechanism.GetEpsilon(run.Sigma / Math.Sqrt(run.Steps), run.Delta));

    [Property(Replay = "(3006,4011)")]
    public void Never_above_Renyi_divergences_and_never_below_the_lower_bound(RdpAccountantProperties.Run run)
    {
        var (rdp, pld) = (new RdpAccountant(), Accountant(run));
        rdp.Compose(run.Step, run.Steps);
        pld.GetEpsilon(run.Delta).Should().BeInRange(pld.GetEpsilonLowerBound(run.Delta), rdp.GetEpsilon(run.Delta));
    }

    [Property(Replay = "(3007,4013)", MaxTest = 8)]
    public void One_call_is_as_good_as_many(RdpAccountantProperties.Run run)
    {
        var steps = run.Steps % 50 + 1;
        var oneByOne = new PldAccountant();
        for (var i = 0; i < steps; i++)
            oneByOne.Compose(run.Step);
        oneByOne.GetEpsilon(run.Delta).Should().Be(Epsilon(run with { Steps = steps }));
    }

    [Property(Replay = "(3008,4015)", MaxTest = 8)]
    public void Writing_it_down_changes_nothing(RdpAccountantProperties.Run a, RdpAccountantProperties.Run b)
    {
        var accountant = Accountant(a);
        accountant.Compose(b.Step, b.Steps);
        var copy = PldAccountant.FromJson(accountant.ToJson());
        copy.Ledger.Should().Equal(accountant.Ledger);
        copy.GetEpsilon(a.Delta).Should().Be(accountant.GetEpsilon(a.Delta));
    }

    private static PldAccountant Accountant(RdpAccountantProperties.Run run)
    {
        var accountant = new PldAccountant();
        accountant.Compose(run.Step, run.Steps);
        return accountant;
    }

    private static double Epsilon(RdpAccountantProperties.Run run) => Accountant(run).GetEpsilon(run.Delta);

    private static void AtMost(double less, double more) => less.Should().BeLessThanOrEqualTo(more * (1 + Grids) + 1e-12);

    public static class Runs
    {
        public static Arbitrary<RdpAccountantProperties.Run> Run() => (
            from q in Power(-3, 0)
            from sigma in Power(-0.5, 1)
            from steps in Power(0, 5)
            from delta in Power(-14, -2)
            select new RdpAccountantProperties.Run(q, sigma, (long)steps, delta)).ToArbitrary();

        public static Arbitrary<RdpAccountantProperties.Factor> Factor() =>
            Power(0.01, 1).Select(value => new RdpAccountantProperties.Factor(value)).ToArbitrary();

        private static Gen<double> Power(double from, double to) =>
            Gen.Choose((int)(from * 1000), (int)(to * 1000)).Select(thousandths => Math.Pow(10, thousandths / 1000.0));
    }
}
