using FsCheck;
using FsCheck.Fluent;
using FsCheck.Xunit;

namespace DpSgd.Accounting.Tests.Rdp;

/// <summary>What must hold for every run of DP-SGD. The seeds are fixed: a failure is one for everybody.</summary>
[Properties(Arbitrary = [typeof(Runs)], MaxTest = 150, QuietOnSuccess = true)]
public class RdpAccountantProperties
{
    // Two epsilons that are equal in truth may differ in the last digits.
    private const double Rounding = 1e-12;

    [Property(Replay = "(1001,2001)")]
    public void Epsilon_falls_with_the_noise(Run run, Factor factor) =>
        AtMost(Epsilon(run with { Sigma = run.Sigma * factor.Value }), Epsilon(run));

    [Property(Replay = "(1002,2003)")]
    public void Epsilon_falls_with_delta(Run run, Factor factor) =>
        AtMost(Epsilon(run with { Delta = Math.Min(1, run.Delta * factor.Value) }), Epsilon(run));

    [Property(Replay = "(1003,2005)")]
    public void Epsilon_grows_with_the_steps(Run run, Factor factor) =>
        AtMost(Epsilon(run), Epsilon(run with { Steps = (long)(run.Steps * factor.Value) }));

    [Property(Replay = "(1004,2007)")]
    public void Epsilon_grows_with_the_sampling_probability(Run run, Factor factor) =>
        AtMost(Epsilon(run), Epsilon(run with { Q = Math.Min(1, run.Q * factor.Value) }));

    [Property(Replay = "(1005,2009)")]
    public void Sampling_never_hurts(Run run)
    {
        var unsampled = new RdpAccountant();
        unsampled.Compose(new GaussianDpEvent(run.Sigma), run.Steps);
        Accountant(run).GetRdp().Zip(unsampled.GetRdp()).Should().OnlyContain(pair => pair.First <= pair.Second);
    }

    [Property(Replay = "(1006,2011)")]
    public void One_call_is_as_good_as_many(Run run)
    {
        var steps = run.Steps % 50 + 1;
        var oneByOne = new RdpAccountant();
        for (var i = 0; i < steps; i++)
            oneByOne.Compose(run.Step);
        var nested = new RdpAccountant();
        nested.Compose(new SelfComposedDpEvent(run.Step, steps));
        var together = new RdpAccountant();
        together.Compose(run.Step, steps);

        oneByOne.GetRdp().Should().Equal(together.GetRdp());
        nested.GetRdp().Should().Equal(together.GetRdp());
    }

    [Property(Replay = "(1007,2013)")]
    public void Grouping_does_not_matter(Run a, Run b)
    {
        var composed = new RdpAccountant();
        composed.Compose(new ComposedDpEvent([a.Step, b.Step, a.Step]), 5);
        var apart = new RdpAccountant();
        apart.Compose(a.Step, 3);
        apart.Compose(b.Step, 5);
        apart.Compose(a.Step, 7);

        composed.GetRdp().Should().Equal(apart.GetRdp());
    }

    /// <summary>
    /// Delta at the epsilon of a delta is that delta or a smaller one: smaller where the total variation bound steps in.
    /// </summary>
    [Property(Replay = "(1008,2015)")]
    public void Epsilon_and_delta_are_inverse(Run run)
    {
        var accountant = Accountant(run);
        var epsilon = accountant.GetEpsilon(run.Delta);
        var delta = accountant.GetDelta(epsilon);

        // An error in epsilon grows by (order - 1) in ln delta.
        delta.Should().BeLessThanOrEqualTo(run.Delta * (1 + 1e-9));
        if (epsilon > 0 && delta < 0.9 * run.Delta)
            delta.Should().BeRelativelyClose(accountant.GetDelta(0), 1e-12);
        AtMost(accountant.GetEpsilon(delta * (1 + 1e-9)), epsilon);
    }

    [Property(Replay = "(1009,2017)")]
    public void The_order_named_proves_the_epsilon(Run run)
    {
        var (epsilon, order) = Accountant(run).GetEpsilonAndOptimalOrder(run.Delta);
        var alone = new RdpAccountant([order]);
        alone.Compose(run.Step, run.Steps);
        alone.GetEpsilon(run.Delta).Should().BeInRange(epsilon * (1 - Rounding), epsilon * (1 + Rounding));
    }

    private static double Epsilon(Run run) => Accountant(run).GetEpsilon(run.Delta);

    private static RdpAccountant Accountant(Run run)
    {
        var accountant = new RdpAccountant();
        accountant.Compose(run.Step, run.Steps);
        return accountant;
    }

    private static void AtMost(double less, double more) => less.Should().BeLessThanOrEqualTo(more * (1 + Rounding));

    public sealed record Run(double Q, double Sigma, long Steps, double Delta)
    {
        public DpEvent Step => new PoissonSampledDpEvent(Q, new GaussianDpEvent(Sigma));
    }

    public sealed record Factor(double Value);

    public static class Runs
    {
        public static Arbitrary<Run> Run() => (
            from q in Power(-9, 0)
            from sigma in Power(-1, 2)
            from steps in Power(0, 6)
            from delta in Power(-15, -1)
            select new Run(q, sigma, (long)steps, delta)).ToArbitrary();

        public static Arbitrary<Factor> Factor() => Power(0, 1).Select(value => new Factor(value)).ToArbitrary();

        private static Gen<double> Power(int from, int to) =>
            Gen.Choose(from * 1000, to * 1000).Select(thousandths => Math.Pow(10, thousandths / 1000.0));
    }
}
