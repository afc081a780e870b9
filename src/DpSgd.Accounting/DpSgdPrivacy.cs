using System.Globalization;

namespace DpSgd.Accounting;

/// <summary>
/// What a run of DP-SGD costs (Abadi et al., "Deep Learning with Differential Privacy", arXiv:1607.00133), before it is
/// run: a number of examples, a batch size, a noise multiplier and a number of epochs.
/// </summary>
/// <remarks>
/// <para>
/// The run is taken to be <c>ceil(epochs * numberOfExamples / batchSize)</c> steps, each on a Poisson sample with
/// probability <c>batchSize / numberOfExamples</c>, each example clipped by itself. The number of steps is exact:
/// <c>epochs</c> means its shortest decimal representation. Neighbouring data sets differ by one example added or
/// removed, and the accountant is <see cref="RdpAccountant"/> with its default orders.
/// </para>
/// <para>For a run that has happened, ask its accountant instead: it knows what was really done.</para>
/// </remarks>
public static class DpSgdPrivacy
{
    /// <summary>Epsilon of a run, and the order that proves it.</summary>
    /// <param name="numberOfExamples">Examples in the data set, at least one.</param>
    /// <param name="batchSize">Expected number of examples in a batch, from one to <paramref name="numberOfExamples"/>.</param>
    /// <param name="noiseMultiplier">Standard deviation of the noise over the clip norm, in [0, infinity]. Zero gives an infinite epsilon.</param>
    /// <param name="epochs">Passes over the data, positive and finite; need not be whole.</param>
    /// <param name="delta">Delta, in (0, 1). Should be well below one over the number of examples.</param>
    /// <returns>Epsilon, at least zero, infinite when none is known; and the best of <see cref="RdpAccountant.DefaultOrders"/>.</returns>
    /// <exception cref="ArgumentOutOfRangeException">An argument is NaN or outside its range, or the number of steps is too large for a <see cref="long"/>.</exception>
    public static (double Epsilon, double OptimalOrder) Compute(
        long numberOfExamples, int batchSize, double noiseMultiplier, double epochs, double delta)
    {
        var run = new Run(numberOfExamples, batchSize, noiseMultiplier, epochs, delta);
        return run.Cost();
    }

    /// <summary>
    /// The guarantee of a run in words: two sentences with the numbers, then what they rest on. For people to read;
    /// lines after the second may change from version to version.
    /// </summary>
    /// <param name="numberOfExamples">Examples in the data set, at least one.</param>
    /// <param name="batchSize">Expected number of examples in a batch, from one to <paramref name="numberOfExamples"/>.</param>
    /// <param name="noiseMultiplier">Standard deviation of the noise over the clip norm, in [0, infinity]. Zero gives an infinite epsilon.</param>
    /// <param name="epochs">Passes over the data, positive and finite; need not be whole.</param>
    /// <param name="delta">Delta, in (0, 1). Should be well below one over the number of examples.</param>
    /// <returns>Lines separated by a line feed, the same in every culture.</returns>
    /// <exception cref="ArgumentOutOfRangeException">An argument is NaN or outside its range, or the number of steps is too large for a <see cref="long"/>.</exception>
    public static string Statement(
        long numberOfExamples, int batchSize, double noiseMultiplier, double epochs, double delta)
    {
        var run = new Run(numberOfExamples, batchSize, noiseMultiplier, epochs, delta);
        var (epsilon, order) = run.Cost();
        return string.Join('\n', Sentences(run, epsilon, order).Concat(Notes(epsilon, order)).Concat(Assumptions));
    }

    private static IEnumerable<string> Assumptions =>
    [
        "This holds if all of the following do:",
        "- Poisson sampling: every step takes each example with the sampling rate, independently of all others. A data set that is shuffled and cut into batches does not have this guarantee.",
        "- One example: the guarantee is about one example added to the data set or removed from it, not about a person who contributed several.",
        "- Microbatches of one: the gradient of every example is clipped by itself.",
        "- Secure noise: it comes from a cryptographic generator whose state nobody learns.",
    ];

    private static IEnumerable<string> Sentences(Run run, double epsilon, double order) =>
    [
        $"DP-SGD with sampling rate = {PythonNumber.General(100 * run.SamplingProbability, 3)}% and noise_multiplier = {PythonNumber.Repr(run.NoiseMultiplier)}"
            + $" iterated over {run.Steps.ToString(CultureInfo.InvariantCulture)} steps satisfies differential privacy"
            + $" with eps = {PythonNumber.General(epsilon, 3)} and delta = {PythonNumber.Repr(run.Delta)}.",
        $"The optimal RDP order is {PythonNumber.Repr(order)}.",
    ];

    private static IEnumerable<string> Notes(double epsilon, double order)
    {
        if (double.IsPositiveInfinity(epsilon))
        {
            yield return "Warning: no finite eps is known. This run is not private.";
            yield break;
        }

        // An epsilon of zero is proved by any order.
        var end = order == RdpAccountant.DefaultOrders[0] ? "smallest" : order == RdpAccountant.DefaultOrders[^1] ? "largest" : null;
        if (end is not null && epsilon > 0)
            yield return $"Warning: this is the {end} order tried. The guarantee holds, but other orders would give a smaller eps.";
    }

    /// <summary>The checked arguments of one call.</summary>
    private sealed class Run
    {
        public Run(long numberOfExamples, int batchSize, double noiseMultiplier, double epochs, double delta)
        {
            Guard.AtLeast(1, numberOfExamples);
            Guard.Between(1, numberOfExamples, batchSize);
            NoiseMultiplier = Guard.NonNegative(noiseMultiplier);
            Delta = Guard.StrictlyBetweenZeroAndOne(delta);
            SamplingProbability = (double)batchSize / numberOfExamples;
            Steps = DpSgdSteps.Count(numberOfExamples, batchSize, Guard.Positive(epochs));
        }

        public double SamplingProbability { get; }

        public double NoiseMultiplier { get; }

        public double Delta { get; }

        public long Steps { get; }

        public (double Epsilon, double OptimalOrder) Cost()
        {
            var accountant = new RdpAccountant();
            accountant.Compose(new PoissonSampledDpEvent(SamplingProbability, new GaussianDpEvent(NoiseMultiplier)), Steps);
            return accountant.GetEpsilonAndOptimalOrder(Delta);
        }
    }
}
