using System.Globalization;

namespace DpSgd.Accounting;

/// <summary>The guarantee that is wanted, and whom to ask whether a run gives it.</summary>
internal sealed class CalibrationTarget
{
    private readonly double _epsilon;
    private readonly double _delta;
    private readonly Func<IPrivacyAccountant> _accountant;

    public CalibrationTarget(double targetEpsilon, double targetDelta, Func<IPrivacyAccountant>? accountant)
    {
        _epsilon = Guard.NonNegativeFinite(targetEpsilon);
        _delta = Guard.StrictlyBetweenZeroAndOne(targetDelta);
        _accountant = accountant ?? (() => new RdpAccountant());
    }

    /// <summary>What a run costs.</summary>
    public double Epsilon(DpEvent step, long steps) => After(step, steps).GetEpsilon(_delta);

    /// <inheritdoc cref="Epsilon(DpEvent, long)"/>
    public double Epsilon(double samplingProbability, double noiseMultiplier, long steps) =>
        Epsilon(Step(samplingProbability, noiseMultiplier), steps);

    /// <summary>By how much a run stays below the target, as the logarithm of a ratio: at least zero when it satisfies it.</summary>
    public double Slack(DpEvent step, long steps) => Slack(Epsilon(step, steps));

    /// <inheritdoc cref="Slack(DpEvent, long)"/>
    public double Slack(double samplingProbability, double noiseMultiplier, long steps) =>
        Slack(Step(samplingProbability, noiseMultiplier), steps);

    /// <summary>About the slack, quickly, when the accountant can do that.</summary>
    /// <param name="step">One step, from what is looked for.</param>
    /// <param name="steps">How many.</param>
    public Func<double, double>? RoughSlack(Func<double, DpEvent> step, long steps) => _accountant() is PldAccountant
        ? x => Slack(((PldAccountant)After(step(x), steps)).GetRoughEpsilon(_delta))
        : null;

    /// <summary>The most steps that satisfy the target; null when one is too many.</summary>
    /// <param name="step">What one step is.</param>
    /// <param name="most">No more are of interest.</param>
    public long? MostSteps(DpEvent step, long most = long.MaxValue) => IntegerSearch.Most(steps => Slack(step, steps), 1, most);

    private double Slack(double epsilon) => epsilon == _epsilon ? 0 : Math.Log(_epsilon) - Math.Log(epsilon);

    private IPrivacyAccountant After(DpEvent step, long steps)
    {
        var accountant = Guard.NotNull(_accountant(), "accountant");
        accountant.Compose(step, steps);
        return accountant;
    }

    private static PoissonSampledDpEvent Step(double samplingProbability, double noiseMultiplier) =>
        new(samplingProbability, new GaussianDpEvent(noiseMultiplier));

    /// <summary>About the noise that a run needs: as if the central limit theorem held exactly (arXiv:1911.11607).</summary>
    public double GuessNoiseMultiplier(double samplingProbability, long steps)
    {
        // For small epsilons the guess need not be good, only finite.
        var mu = 1 / GaussianMechanism.GetNoiseMultiplier(Math.Max(_epsilon, 1e-9), _delta);
        var once = mu / Math.Max(samplingProbability, 1e-300) / Math.Sqrt(steps);
        return Math.Clamp(1 / Math.Sqrt(once > 1e100 ? 2 * Math.Log(once) : Elementary.Log1p(once * once)), 1e-3, 1e6);
    }

    /// <summary>The exception that says what can be reached.</summary>
    public ArgumentOutOfRangeException Unreachable(string how, double best) => new(
        "targetEpsilon",
        _epsilon,
        string.Create(CultureInfo.InvariantCulture, $"targetEpsilon cannot be reached with delta {_delta}: {how} epsilon is {best}, and that is the best."));
}
