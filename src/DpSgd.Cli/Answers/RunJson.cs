using DpSgd.Accounting;

namespace DpSgd.Cli.Answers;

/// <summary>A run, for programs.</summary>
internal sealed record RunJson(
    long Examples, int BatchSize, int MicrobatchSize, double SamplingProbability, double NoiseMultiplier, double Epochs, long Steps)
{
    public static RunJson Of(DpSgdRun run) => new(
        run.NumberOfExamples, run.BatchSize, run.MicrobatchSize, run.SamplingProbability, run.NoiseMultiplier, run.Epochs, run.Steps);
}
