using System.Globalization;

namespace DpSgd.Accounting;

/// <summary>
/// Plans a run of DP-SGD before it is run: of noise, number of steps, batch size and guarantee, finds the one that is
/// missing. Steps are on Poisson samples, each example is clipped by itself.
/// </summary>
/// <remarks>
/// Every answer satisfies its target, by the accountant that was asked. It is also the best: 0.1% less noise (in fact one
/// part in ten million), one more step or one more example in a batch would not do. Epsilon or delta of a given run come
/// from an accountant directly.
/// </remarks>
public static class NoiseCalibration
{
    /// <summary>The least noise multiplier with which a run is (epsilon, delta)-differentially private.</summary>
    /// <param name="targetEpsilon">Epsilon, at least zero and finite.</param>
    /// <param name="targetDelta">Delta, in (0, 1).</param>
    /// <param name="samplingProbability">Probability, in [0, 1], with which each example is in a batch.</param>
    /// <param name="steps">Number of steps, at least one.</param>
    /// <param name="accountant">Makes an accountant; a new one for every question. What it holds already counts. <see cref="RdpAccountant"/> when null.</param>
    /// <returns>The noise multiplier; zero when no noise is needed.</returns>
    /// <exception cref="ArgumentOutOfRangeException">An argument is NaN or outside its range, or no noise is enough: then the message says what can be reached.</exception>
    public static double FindNoiseMultiplier(
        double targetEpsilon, double targetDelta, double samplingProbability, long steps, Func<IPrivacyAccountant>? accountant = null)
    {
        Guard.Probability(samplingProbability);
        Guard.AtLeast(1, steps);
        return LeastNoise(
            new CalibrationTarget(targetEpsilon, targetDelta, accountant),
            sigma => new PoissonSampledDpEvent(samplingProbability, new GaussianDpEvent(sigma)),
            samplingProbability,
            steps);
    }

    /// <summary>The least noise multiplier with which a run whose steps are of any kind is (epsilon, delta)-differentially private.</summary>
    /// <param name="targetEpsilon">Epsilon, at least zero and finite.</param>
    /// <param name="targetDelta">Delta, in (0, 1).</param>
    /// <param name="step">One step as an event, from its noise multiplier; more noise must not cost more.</param>
    /// <param name="steps">Number of steps, at least one.</param>
    /// <param name="accountant">Makes an accountant; a new one for every question. What it holds already counts. <see cref="RdpAccountant"/> when null.</param>
    /// <returns>The noise multiplier; zero when no noise is needed.</returns>
    /// <exception cref="ArgumentNullException"><paramref name="step"/> is null.</exception>
    /// <exception cref="ArgumentOutOfRangeException">An argument is NaN or outside its range, or no noise is enough: then the message says what can be reached.</exception>
    /// <exception cref="NotSupportedException">The accountant has no bound for the step.</exception>
    public static double FindNoiseMultiplier(
        double targetEpsilon, double targetDelta, Func<double, DpEvent> step, long steps, Func<IPrivacyAccountant>? accountant = null)
    {
        Guard.NotNull(step);
        Guard.AtLeast(1, steps);
        return LeastNoise(new CalibrationTarget(targetEpsilon, targetDelta, accountant), step, 1, steps);
    }

    /// <summary>The most steps after which a run is (epsilon, delta)-differentially private.</summary>
    /// <param name="targetEpsilon">Epsilon, at least zero and finite.</param>
    /// <param name="targetDelta">Delta, in (0, 1).</param>
    /// <param name="samplingProbability">Probability, in [0, 1], with which each example is in a batch.</param>
    /// <param name="noiseMultiplier">Standard deviation of the noise over the clip norm, in [0, infinity].</param>
    /// <param name="accountant">Makes an accountant; a new one for every question. What it holds already counts. <see cref="RdpAccountant"/> when null.</param>
    /// <returns>At least one; <see cref="long.MaxValue"/> when steps cost nothing.</returns>
    /// <exception cref="ArgumentOutOfRangeException">An argument is NaN or outside its range, or one step is too many: then the message says what it costs.</exception>
    public static long FindSteps(
        double targetEpsilon, double targetDelta, double samplingProbability, double noiseMultiplier, Func<IPrivacyAccountant>? accountant = null)
    {
        Guard.Probability(samplingProbability);
        Guard.NonNegative(noiseMultiplier);
        var target = new CalibrationTarget(targetEpsilon, targetDelta, accountant);
        return IntegerSearch.Most(steps => target.Slack(samplingProbability, noiseMultiplier, steps), 1, long.MaxValue)
            ?? throw target.Unreachable("with one step", target.Epsilon(samplingProbability, noiseMultiplier, 1));
    }

    /// <summary>The largest batch with which a number of steps is (epsilon, delta)-differentially private.</summary>
    /// <param name="targetEpsilon">Epsilon, at least zero and finite.</param>
    /// <param name="targetDelta">Delta, in (0, 1).</param>
    /// <param name="numberOfExamples">Examples in the data set, at least one.</param>
    /// <param name="noiseMultiplier">Standard deviation of the noise over the clip norm, in [0, infinity].</param>
    /// <param name="steps">Number of steps, at least one.</param>
    /// <param name="accountant">Makes an accountant; a new one for every question. What it holds already counts. <see cref="RdpAccountant"/> when null.</param>
    /// <returns>The expected number of examples in a batch, from one to <paramref name="numberOfExamples"/>.</returns>
    /// <exception cref="ArgumentOutOfRangeException">An argument is NaN or outside its range, or batches of one are too large: then the message says what they cost.</exception>
    public static int FindBatchSize(
        double targetEpsilon, double targetDelta, long numberOfExamples, double noiseMultiplier, long steps, Func<IPrivacyAccountant>? accountant = null)
    {
        Guard.AtLeast(1, steps);
        return LargestBatch(targetEpsilon, targetDelta, numberOfExamples, noiseMultiplier, _ => steps, accountant);
    }

    /// <summary>The largest batch with which a number of epochs is (epsilon, delta)-differentially private.</summary>
    /// <param name="targetEpsilon">Epsilon, at least zero and finite.</param>
    /// <param name="targetDelta">Delta, in (0, 1).</param>
    /// <param name="numberOfExamples">Examples in the data set, at least one.</param>
    /// <param name="noiseMultiplier">Standard deviation of the noise over the clip norm, in [0, infinity].</param>
    /// <param name="epochs">Passes over the data, positive and finite. Larger batches need fewer steps for them.</param>
    /// <param name="accountant">Makes an accountant; a new one for every question. What it holds already counts. <see cref="RdpAccountant"/> when null.</param>
    /// <returns>The expected number of examples in a batch, from one to <paramref name="numberOfExamples"/>. One example more would be too many; because steps are whole, much larger batches may fit again by a hair.</returns>
    /// <exception cref="ArgumentOutOfRangeException">An argument is NaN or outside its range, or batches of one are too large: then the message says what they cost.</exception>
    public static int FindBatchSizeForEpochs(
        double targetEpsilon, double targetDelta, long numberOfExamples, double noiseMultiplier, double epochs, Func<IPrivacyAccountant>? accountant = null)
    {
        Guard.AtLeast(1, numberOfExamples);
        Guard.Positive(epochs);
        return LargestBatch(
            targetEpsilon, targetDelta, numberOfExamples, noiseMultiplier, batch => DpSgdSteps.Count(numberOfExamples, batch, epochs), accountant);
    }

    private static double LeastNoise(CalibrationTarget target, Func<double, DpEvent> step, double guessedProbability, long steps) =>
        LogSearch.Least(
            sigma => target.Slack(step(sigma), steps),
            target.RoughSlack(step, steps),
            target.GuessNoiseMultiplier(guessedProbability, steps))
        ?? throw target.Unreachable("with infinite noise", target.Epsilon(step(double.PositiveInfinity), steps));

    private static int LargestBatch(
        double targetEpsilon, double targetDelta, long numberOfExamples, double noiseMultiplier, Func<int, long> steps, Func<IPrivacyAccountant>? accountant)
    {
        Guard.AtLeast(1, numberOfExamples);
        Guard.NonNegative(noiseMultiplier);
        var target = new CalibrationTarget(targetEpsilon, targetDelta, accountant);
        return (int?)IntegerSearch.Most(
            batch => target.Slack((double)batch / numberOfExamples, noiseMultiplier, steps((int)batch)),
            1,
            Math.Min(int.MaxValue, numberOfExamples))
            ?? throw target.Unreachable("with batches of one", target.Epsilon(1.0 / numberOfExamples, noiseMultiplier, steps(1)));
    }
}
