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
        var run = Run(numberOfExamples, batchSize, noiseMultiplier, epochs, delta);
        var accountant = new RdpAccountant();
        accountant.Compose(new PoissonSampledDpEvent(run.SamplingProbability, new GaussianDpEvent(noiseMultiplier)), run.Steps);
        return accountant.GetEpsilonAndOptimalOrder(delta);
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
        long numberOfExamples, int batchSize, double noiseMultiplier, double epochs, double delta) => Statement(Run(numberOfExamples, batchSize, noiseMultiplier, epochs, delta));

    /// <summary>
    /// The guarantee of a run in words: two sentences with the numbers, then the epsilons for one example and for one person,
    /// with and without Poisson sampling, and what they rest on. For people to read; lines after the second may change from
    /// version to version.
    /// </summary>
    /// <param name="run">The run.</param>
    /// <returns>Lines separated by a line feed, the same in every culture.</returns>
    /// <exception cref="ArgumentNullException"><paramref name="run"/> is null.</exception>
    /// <exception cref="ArgumentOutOfRangeException">The batch is larger than the data set, or the number of steps is too large for a <see cref="long"/>.</exception>
    public static string Statement(DpSgdRun run) => StatementText.Of(Guarantee(run));

    /// <summary>The guarantee of a run, for programs.</summary>
    /// <param name="run">The run.</param>
    /// <returns>What <see cref="Statement(DpSgdRun)"/> says in words.</returns>
    /// <exception cref="ArgumentNullException"><paramref name="run"/> is null.</exception>
    /// <exception cref="ArgumentOutOfRangeException">The batch is larger than the data set, or the number of steps is too large for a <see cref="long"/>.</exception>
    public static DpSgdGuarantee Guarantee(DpSgdRun run) => DpSgdGuarantee.Of(Guard.NotNull(run));

    private static DpSgdRun Run(long numberOfExamples, int batchSize, double noiseMultiplier, double epochs, double delta)
    {
        Guard.AtLeast(1, numberOfExamples);
        Guard.Between(1, numberOfExamples, batchSize);
        Guard.NonNegative(noiseMultiplier);
        Guard.Positive(epochs);
        Guard.StrictlyBetweenZeroAndOne(delta);
        DpSgdSteps.Count(numberOfExamples, batchSize, epochs);
        return new DpSgdRun
        {
            NumberOfExamples = numberOfExamples, BatchSize = batchSize, NoiseMultiplier = noiseMultiplier, Epochs = epochs, Delta = delta,
        };
    }
}
