using DpSgd;
using DpSgd.Accounting;

namespace MnistCnn.Training;

/// <summary>What a run cost, from the ledger of the steps that were taken and not from what was planned.</summary>
/// <param name="Epsilon">Positive infinity if there is no finite one.</param>
/// <param name="Delta">The delta with which epsilon holds.</param>
/// <param name="OptimalOrder">The order of the Rényi divergence that proves it.</param>
/// <param name="Statement">The guarantee in words.</param>
public sealed record Guarantee(double Epsilon, double Delta, double OptimalOrder, string Statement)
{
    /// <summary>The guarantee for an optimizer's steps so far.</summary>
    /// <param name="accountant">The optimizer's ledger.</param>
    /// <param name="optimizer">The optimizer.</param>
    /// <param name="sampling">How its batches were drawn.</param>
    /// <param name="hyperparameters">How it was made.</param>
    public static Guarantee Of(
        RdpAccountant accountant, DPOptimizer optimizer, PoissonSampling sampling, Hyperparameters hyperparameters)
    {
        var (epsilon, order) = accountant.GetEpsilonAndOptimalOrder(hyperparameters.Delta);
        return new(epsilon, hyperparameters.Delta, order, InWords(optimizer.Steps, sampling.DatasetSize, hyperparameters));
    }

    private static string InWords(long steps, long examples, Hyperparameters hyperparameters)
    {
        if (steps == 0)
            return "No step was taken, so nothing was spent.";

        // The statement rounds epochs up to whole steps: half a step less than was taken gives exactly what was taken.
        var epochs = (steps - 0.5) * hyperparameters.BatchSize / examples;
        string Statement(double noiseMultiplier) => DpSgdPrivacy.Statement(
            examples, hyperparameters.BatchSize, noiseMultiplier, epochs, hyperparameters.Delta);

        var size = hyperparameters.BatchSize / (hyperparameters.Microbatches ?? hyperparameters.BatchSize);
        return size == 1
            ? Statement(hyperparameters.NoiseMultiplier)
            : Statement(hyperparameters.NoiseMultiplier / 2) +
                $"\nInstead of the third condition: microbatches of {size} examples on average were clipped as one, which doubles what one " +
                "example can change, and so the noise multiplier above is half of the one that was asked for.";
    }
}
