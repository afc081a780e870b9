using System.Globalization;

namespace DpSgd.Accounting;

/// <summary>A guarantee in words, for a person who signs for it.</summary>
internal static class StatementText
{
    public const string SeededNoise =
        "Warning: the noise does not come from a cryptographic generator. Whoever learns its seed can remove it: this run is not private.";

    public const string NoFiniteEpsilon = "Warning: no finite eps is known. This run is not private.";

    /// <summary>The whole statement: lines separated by a line feed.</summary>
    public static string Of(DpSgdGuarantee guarantee) => string.Join('\n', Sentences(guarantee)
        .Concat(Warnings(guarantee))
        .Concat(Epsilons(guarantee))
        .Concat(Assumptions(guarantee)));

    private static IEnumerable<string> Sentences(DpSgdGuarantee guarantee)
    {
        var run = guarantee.Run;
        yield return Sentence(run.SamplingProbability, run.NoiseMultiplier, run.Steps, guarantee.Epsilon, run.Delta);
        yield return Proof(guarantee.OptimalOrder);
        yield return Exact(guarantee.Epsilon);
    }

    /// <summary>The first sentence has three digits, and may have been rounded below what is proved.</summary>
    public static string Exact(double epsilon) => $"To six digits, rounded up: eps = {PythonNumber.GeneralUp(epsilon, 6)}.";

    /// <summary>The tutorial's first sentence, with epsilon to the nearest three digits as there.</summary>
    public static string Sentence(double samplingProbability, double noiseMultiplier, long steps, double epsilon, double delta) =>
        $"DP-SGD with sampling rate = {PythonNumber.General(100 * samplingProbability, 3)}% and noise_multiplier = {PythonNumber.Repr(noiseMultiplier)}"
        + $" iterated over {Whole(steps)} steps satisfies differential privacy"
        + $" with eps = {PythonNumber.General(epsilon, 3)} and delta = {PythonNumber.Repr(delta)}.";

    /// <summary>The tutorial's second sentence, or what stands for it without an order.</summary>
    public static string Proof(double? optimalOrder) => optimalOrder is { } order
        ? $"The optimal RDP order is {PythonNumber.Repr(order)}."
        : "The eps is the least that privacy loss distributions prove.";

    private static IEnumerable<string> Warnings(DpSgdGuarantee guarantee)
    {
        if (!guarantee.Run.UsesSecureNoise)
        {
            yield return SeededNoise;
            yield break;
        }

        if (double.IsPositiveInfinity(guarantee.Epsilon))
        {
            yield return NoFiniteEpsilon;
            yield break;
        }

        // An epsilon of zero is proved by any order.
        var end = guarantee.OptimalOrder == RdpAccountant.DefaultOrders[0] ? "smallest"
            : guarantee.OptimalOrder == RdpAccountant.DefaultOrders[^1] ? "largest" : null;
        if (end is not null && guarantee.Epsilon > 0)
            yield return $"Warning: this is the {end} order tried. The guarantee holds, but other orders would give a smaller eps.";
        if (guarantee.Run.Delta >= 1.0 / guarantee.Run.NumberOfExamples)
            yield return LargeDelta(guarantee.Run.NumberOfExamples);
    }

    private static IEnumerable<string> Epsilons(DpSgdGuarantee guarantee)
    {
        var run = guarantee.Run;
        yield return "The guarantee covers every checkpoint of the run, not only the final model. By who is protected and how batches are drawn:";
        yield return $"- one example, every batch a Poisson sample: eps = {Up(guarantee.ExampleEpsilonWithPoissonSampling)}{Mark(run.UsesPoissonSampling)}";
        yield return $"- one example, in one batch of every epoch in whatever order: eps = {Up(guarantee.ExampleEpsilonOncePerEpoch)}{Mark(!run.UsesPoissonSampling)}";
        if (run.MaxExamplesPerUser is { } group)
        {
            yield return $"- one person with at most {Whole(group)} examples, every batch a Poisson sample: eps = {Up(guarantee.UserEpsilonWithPoissonSampling!.Value)}";
            yield return $"- one person with at most {Whole(group)} examples, each in one batch of every epoch: eps = {Up(guarantee.UserEpsilonOncePerEpoch!.Value)}";
        }
        else
        {
            yield return "- one person: nothing is guaranteed, because the number of examples of a person has no bound.";
        }
    }

    private static IEnumerable<string> Assumptions(DpSgdGuarantee guarantee)
    {
        var run = guarantee.Run;
        yield return "This holds if all of the following do:";
        yield return run.UsesPoissonSampling
            ? "- Poisson sampling: every step takes each example with the sampling rate, independently of all others. A data set that is shuffled and cut into batches does not have this guarantee."
            : "- Sampling: each example is in one batch of every epoch. A data set that is shuffled and cut into batches does so, and no smaller eps is claimed for its being shuffled.";
        yield return "- Neighbouring data sets: one example is added to the data set or removed from it; an eps for a person means all of that person's examples.";
        yield return MeaningOfDelta(run.Delta);
        yield return run.MicrobatchSize > 1
            ? $"- Microbatches of {Whole(run.MicrobatchSize)}: their averaged gradients are clipped, which doubles the sensitivity, and what eps is computed with is half the noise multiplier. Which examples share a microbatch does not depend on any one example."
            : "- Microbatches of one: the gradient of every example is clipped by itself.";
        yield return run.UsesSecureNoise
            ? "- Secure noise: it comes from a cryptographic generator whose state nobody learns."
            : "- Secure noise: this run had none.";
    }

    /// <summary>A delta that says nothing.</summary>
    public static string LargeDelta(long examples) =>
        $"Warning: delta is not below 1 / {Whole(examples)}. A mechanism that publishes one example at random has such a delta.";

    /// <summary>What delta is, as one of the assumptions.</summary>
    public static string MeaningOfDelta(double delta) =>
        $"- Delta: the probability of any set of outcomes on one of two neighbouring data sets exceeds e^eps times that on the other by at most {PythonNumber.Repr(delta)}.";

    /// <summary>An epsilon to three digits, never below what is proved.</summary>
    public static string Up(double epsilon) => PythonNumber.GeneralUp(epsilon, 3);

    private static string Mark(bool applies) => applies ? " (this run)" : " (not a guarantee for this run)";

    private static string Whole(long number) => number.ToString(CultureInfo.InvariantCulture);
}
