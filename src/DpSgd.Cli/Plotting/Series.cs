using DpSgd.Accounting;
using DpSgd.Cli.Options;

namespace DpSgd.Cli.Plotting;

/// <summary>One line of a plot: a run of which one number varies, and whom to ask for its epsilon.</summary>
/// <param name="Run">The run; what varies along the axis has no meaning in it.</param>
/// <param name="Length">How long the run is.</param>
/// <param name="Accountant">Whom to ask.</param>
/// <param name="Sampling">Who is in a batch.</param>
internal sealed record Series(DpSgdRun Run, Length Length, AccountantKind Accountant, Sampling Sampling)
{
    /// <summary>Epsilon at each point of an axis; infinite where there is none.</summary>
    public double[] Epsilons(PlotAxis axis, double[] at)
    {
        var epsilons = new double[at.Length];
        Parallel.For(0, at.Length, i => epsilons[i] = Sampling.Epsilon(At(axis, at[i]), Accountant));
        return epsilons;
    }

    /// <summary>What describes the line, each with whether the axis leaves it a meaning.</summary>
    public IEnumerable<string> Traits(PlotAxis axis)
    {
        yield return axis == PlotAxis.BatchSize ? "" : FormattableString.Invariant($"batches of {Run.BatchSize:N0}");
        yield return axis == PlotAxis.Noise ? "" : FormattableString.Invariant($"noise multiplier {Run.NoiseMultiplier}");
        yield return axis == PlotAxis.Steps ? "" : Length.ToString();
        yield return FormattableString.Invariant($"delta {Run.Delta:g}");
        yield return Accountant.Word().ToUpperInvariant();
        yield return Sampling.InWords();
    }

    private DpSgdRun At(PlotAxis axis, double x) => axis switch
    {
        PlotAxis.Steps => Run.WithSteps((long)x),
        PlotAxis.Noise => Length.Of(Run with { NoiseMultiplier = x }),
        _ => Length.Of(Run with { BatchSize = (int)x }),
    };
}
