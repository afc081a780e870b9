using DpSgd.Accounting;

namespace DpSgd.ML;

/// <summary>
/// What a private trainer trains on, how, and how privately. Give <see cref="TargetEpsilon"/> or
/// <see cref="NoiseMultiplier"/>, not both.
/// </summary>
public record DpSgdTrainerOptions
{
    /// <summary>The label column. "Label" by default.</summary>
    public string LabelColumnName
    {
        get;
        init => field = Name(value, nameof(LabelColumnName));
    } = "Label";

    /// <summary>The column of features, a vector of <see cref="float"/> of known size. "Features" by default.</summary>
    public string FeatureColumnName
    {
        get;
        init => field = Name(value, nameof(FeatureColumnName));
    } = "Features";

    /// <summary>Delta, in (0, 1). Should be well below one over the number of rows.</summary>
    public required double Delta
    {
        get;
        init => field = Guard.StrictlyBetweenZeroAndOne(value, nameof(Delta));
    }

    /// <summary>The epsilon that training may cost, positive and finite: the noise is then the least that keeps to it.</summary>
    public double? TargetEpsilon
    {
        get;
        init => field = value is { } given ? Guard.Positive(given, nameof(TargetEpsilon)) : null;
    }

    /// <summary>Standard deviation of the noise over the clip norm, at least zero and finite: epsilon is then what it comes to.</summary>
    public double? NoiseMultiplier
    {
        get;
        init => field = value is { } given ? Guard.NonNegativeFinite(given, nameof(NoiseMultiplier)) : null;
    }

    /// <summary>C: the l2 norm to which the gradient of each row is clipped. Positive and finite; 1 by default.</summary>
    public double L2NormClip
    {
        get;
        init => field = Guard.Positive(value, nameof(L2NormClip));
    } = 1;

    /// <summary>
    /// Widths of the hidden layers, each at least one; none by default, which makes a linear model. Their activation is tanh,
    /// which suits clipped gradients better than ReLU (Papernot et al., "Tempered Sigmoid Activations for Deep Learning with
    /// Differential Privacy", 2021).
    /// </summary>
    public IReadOnlyList<int> HiddenLayers
    {
        get;
        init => field = [.. Guard.NotNull(value, nameof(HiddenLayers)).Select(width => (int)Guard.AtLeast(1, width, nameof(HiddenLayers)))];
    } = [];

    /// <summary>Passes over the rows, at least one; 20 by default.</summary>
    public int NumberOfEpochs
    {
        get;
        init => field = (int)Guard.AtLeast(1, value, nameof(NumberOfEpochs));
    } = 20;

    /// <summary>
    /// Average batch size, from one to the number of rows. Null, the default, is a tenth of the rows, but at least one and
    /// at most 256: it follows from the number of rows alone, which is public. A batch is a Poisson sample: each row is in it
    /// independently of the others.
    /// </summary>
    public int? ExpectedBatchSize
    {
        get;
        init => field = value is { } given ? (int)Guard.AtLeast(1, given, nameof(ExpectedBatchSize)) : null;
    }

    /// <summary>Step size of the optimizer, Adam. Positive and finite; 0.01 by default.</summary>
    public double LearningRate
    {
        get;
        init => field = Guard.Positive(value, nameof(LearningRate));
    } = 0.01;

    /// <summary>
    /// Between what bounds features can be: one range for all of them, or one for each. Features are clamped to them and
    /// scaled to [-1, 1], when training and when predicting. Known beforehand, not looked up in the rows: a normalisation
    /// that learns nothing, and so costs nothing. None by default: features are taken as they come, and a
    /// warning is logged. Features far beyond -1 and 1 train badly: the norm of a gradient grows with them, and is clipped.
    /// </summary>
    public IReadOnlyList<ValueRange> FeatureRanges
    {
        get;
        init => field = [.. Guard.NotNull(value, nameof(FeatureRanges)).Select(range => Valid(range, nameof(FeatureRanges)))];
    } = [];

    /// <summary>Stops training when it is cancelled: <c>Fit</c> then throws an <see cref="OperationCanceledException"/>, and no model comes out.</summary>
    public CancellationToken CancellationToken { get; init; }

    /// <summary>The average batch size for a number of rows.</summary>
    internal int BatchSize(long rows) => ExpectedBatchSize ?? (int)Math.Clamp(rows / 10, 1, 256);

    internal static ValueRange Valid(ValueRange range, string name) => range.IsValid
        ? range
        : throw new ArgumentOutOfRangeException(name, range, $"{name} must be made with bounds: new ValueRange(minimum, maximum).");

    /// <summary>Refuses options that say nothing, or two things, about privacy.</summary>
    internal void Check()
    {
        if (TargetEpsilon is null == NoiseMultiplier is null)
        {
            throw new ArgumentException(
                $"Give exactly one of {nameof(TargetEpsilon)} and {nameof(NoiseMultiplier)}; {(TargetEpsilon is null ? "neither was" : "both were")} given.",
                nameof(TargetEpsilon));
        }
    }

    private static string Name(string value, string name) => string.IsNullOrWhiteSpace(value)
        ? throw new ArgumentException($"{name} must name a column, but it is empty.", name)
        : value;
}
