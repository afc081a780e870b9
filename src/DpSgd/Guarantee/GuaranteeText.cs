using System.Globalization;
using DpSgd.Accounting;

namespace DpSgd;

/// <summary>A guarantee in words, for a person who signs for it.</summary>
internal static class GuaranteeText
{
    /// <summary>What may be published.</summary>
    public static string Of(TrainingGuarantee guarantee) => guarantee.Events.Count == 0
        ? "No step was taken, so nothing was spent."
        : string.Join('\n', Sentences(guarantee).Concat(Warnings(guarantee)).Concat(Ledger(guarantee)).Concat(Assumptions(guarantee)));

    /// <summary>What depends on the data without any noise.</summary>
    public static string NotForPublication(TrainingGuarantee guarantee) =>
        $"Not for publication, since it depends on the data: {Whole(guarantee.NonFiniteExamples)} examples had a gradient that was NaN or infinite, and contributed nothing; of {Whole(guarantee.BatchesLeftOut)} batches no step was made.";

    private static IEnumerable<string> Sentences(TrainingGuarantee guarantee)
    {
        yield return guarantee.Events is [(PoissonSampledDpEvent { Event: GaussianDpEvent gaussian } sampled, var steps)]
            ? StatementText.Sentence(sampled.SamplingProbability, gaussian.NoiseMultiplier, steps, guarantee.Epsilon, guarantee.Delta)
            : $"DP-SGD as below satisfies differential privacy with eps = {StatementText.Up(guarantee.Epsilon)} and delta = {PythonNumber.Repr(guarantee.Delta)}.";
        yield return guarantee.OptimalOrder is not null || guarantee.Accountant == nameof(PldAccountant)
            ? StatementText.Proof(guarantee.OptimalOrder)
            : $"The eps was computed by {guarantee.Accountant}.";
        yield return StatementText.Exact(guarantee.Epsilon);
    }

    private static IEnumerable<string> Warnings(TrainingGuarantee guarantee)
    {
        if (!guarantee.IsNoiseSecure)
            yield return StatementText.SeededNoise;
        else if (double.IsPositiveInfinity(guarantee.Epsilon))
            yield return StatementText.NoFiniteEpsilon;
        else if (guarantee.Sampling is { DatasetSize: var examples } && guarantee.Delta >= 1.0 / examples)
            yield return StatementText.LargeDelta(examples);
    }

    private static IEnumerable<string> Ledger(TrainingGuarantee guarantee)
    {
        yield return "It covers the weights after every step, for all that was entered into the ledger:";
        foreach (var (happened, count) in guarantee.Events)
            yield return $"- {Whole(count)} times {Words(happened)}";
    }

    private static IEnumerable<string> Assumptions(TrainingGuarantee guarantee)
    {
        yield return "It holds if all of the following do:";
        yield return guarantee.Sampling?.Assumption
            ?? "- Sampling: none is claimed. Every example counts as being in every batch; the size of each batch and the place of each example in it count as public.";
        if (guarantee.Sampling is not null)
            yield return "- No batch was left out because of what was in it.";
        yield return guarantee.NeighboringRelation switch
        {
            NeighboringRelation.ReplaceOne => "- Neighbouring data sets: one example is replaced by another.",
            NeighboringRelation.ReplaceSpecial => "- Neighbouring data sets: one example is blanked out.",
            _ => "- Neighbouring data sets: one example is added or removed. The size of the data set counts as public.",
        } + " For a person with several examples nothing is guaranteed.";
        yield return StatementText.MeaningOfDelta(guarantee.Delta);
        yield return "- Examples are kept apart: nothing of one goes into what the model or the loss computes for another (no mixing, no mean with class weights or over the tokens of all examples), and the loss was their mean or sum, as LossReduction says.";
        yield return Clipping(guarantee);
        yield return guarantee.IsNoiseSecure
            ? $"- Noise: it comes from a cryptographic generator whose state nobody learns ({guarantee.NoiseSource}), and the weights are released as floating-point numbers."
            : "- Noise: it had a seed, and protects nothing.";
        yield return "- Nothing else was taken from the data: no search for hyperparameters, no normalisation learned from it, no training losses that were shown to anybody.";
        yield return $"Computed by DpSgd {guarantee.LibraryVersion}, {guarantee.Accountant}.";
    }

    private static string Clipping(TrainingGuarantee guarantee)
    {
        var norm = PythonNumber.Repr(guarantee.L2NormClip);
        var doubled = guarantee.NeighboringRelation == NeighboringRelation.ReplaceOne
            ? "Replacing one example changes two of them by no more than one of one."
            : $"One example then changes twice as much, so what eps is computed with is half of the noise multiplier {PythonNumber.Repr(guarantee.NoiseMultiplier)}. Which examples share a microbatch does not depend on any one example.";
        return guarantee.MicrobatchSize switch
        {
            1 => $"- Microbatches of one: the gradient of every example is clipped by itself, to norm {norm}.",
            { } size => $"- Microbatches of {PythonNumber.General(size, 4)}: their averaged gradients are clipped, to norm {norm}. {doubled}",
            null => $"- Microbatches: each batch is divided into a fixed number of them, whose averaged gradients are clipped, to norm {norm}. Where one has several examples: {doubled}",
        };
    }

    private static string Words(DpEvent happened) => happened switch
    {
        GaussianDpEvent gaussian => $"Gaussian noise with multiplier {PythonNumber.Repr(gaussian.NoiseMultiplier)}",
        PoissonSampledDpEvent sampled => $"on a Poisson sample with probability {PythonNumber.Repr(sampled.SamplingProbability)}: {Words(sampled.Event)}",
        SampledWithoutReplacementDpEvent sampled => $"on {Whole(sampled.SampleSize)} of {Whole(sampled.SourceDatasetSize)} examples, without replacement: {Words(sampled.Event)}",
        NoOpDpEvent => "a batch of an epoch that was paid for already",
        NonPrivateDpEvent => "something that protects nothing",
        _ => happened.ToString(),
    };

    private static string Whole(long number) => number.ToString(CultureInfo.InvariantCulture);
}
