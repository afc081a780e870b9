using System.CommandLine;
using System.Globalization;
using DpSgd.Accounting;

namespace DpSgd.Cli.Options;

/// <summary>The options that describe a run, the same in every command.</summary>
internal static class RunOptions
{
    /// <summary>With more, a double could not count them one by one.</summary>
    public const long MostSteps = 1_000_000_000_000_000;

    public static readonly NumberRange<long> StepsRange = NumberRange.Whole(1, MostSteps);
    public static readonly NumberRange<int> BatchSizeRange = NumberRange.PositiveWhole<int>();

    public static readonly Option<long> Examples = NumberOption.Required(
        "--examples", "Examples in the data set.", NumberRange.PositiveWhole<long>());

    public static readonly Option<int> BatchSize = NumberOption.Required(
        "--batch-size", "Expected number of examples in a batch, at most --examples.", BatchSizeRange);

    public static readonly Option<int?> MicrobatchSize = NumberOption.Optional(
        "--microbatch-size", "Most examples whose average gradient is clipped as one. More than one doubles the sensitivity.",
        NumberRange.PositiveWhole<int>(), whenLeftOut: "1");

    public static readonly Option<double> NoiseMultiplier = NumberOption.Required(
        "--noise-multiplier", "Standard deviation of the noise over the clip norm.", NumberRange.NonNegative);

    public static readonly Option<double?> Epochs = NumberOption.Optional(
        "--epochs", "Passes over the data; need not be whole. This or --steps.", NumberRange.Positive);

    public static readonly Option<long?> Steps = NumberOption.Optional(
        "--steps", "Steps, each on one batch. This or --epochs.", StepsRange);

    public static readonly Option<double> Delta = NumberOption.Required(
        "--delta", "Delta of the guarantee, which should be well below one over --examples.", NumberRange.Probability);

    public static readonly Option<double> Epsilon = NumberOption.Required(
        "--epsilon", "Epsilon that must not be exceeded.", NumberRange.NonNegative);

    /// <summary>Options of a whole run.</summary>
    public static readonly Option[] All = [Examples, BatchSize, NoiseMultiplier, Epochs, Steps, Delta, MicrobatchSize];

    /// <summary>The run that the options describe.</summary>
    public static DpSgdRun Read(ParseResult arguments) =>
        ReadWithoutLength(arguments, arguments.GetValue(NoiseMultiplier)).WithLength(arguments.GetValue(Epochs), arguments.GetValue(Steps));

    /// <summary>The run that the options describe but for its noise, which is infinite.</summary>
    public static DpSgdRun ReadWithoutNoise(ParseResult arguments) =>
        ReadWithoutLength(arguments, double.PositiveInfinity).WithLength(arguments.GetValue(Epochs), arguments.GetValue(Steps));

    /// <summary>The run that the options describe but for its length, which is one epoch.</summary>
    public static DpSgdRun ReadWithoutLength(ParseResult arguments, double noiseMultiplier) => Checked(new DpSgdRun
    {
        NumberOfExamples = arguments.GetValue(Examples),
        BatchSize = arguments.GetValue(BatchSize),
        MicrobatchSize = arguments.GetValue(MicrobatchSize) ?? 1,
        NoiseMultiplier = noiseMultiplier,
        Epochs = 1,
        Delta = arguments.GetValue(Delta),
    });

    /// <summary>A run, if its batches are not larger than the data set.</summary>
    /// <exception cref="UsageException">They are.</exception>
    public static DpSgdRun Checked(DpSgdRun run) => run.BatchSize <= run.NumberOfExamples
        ? run
        : throw new UsageException(string.Create(
            CultureInfo.InvariantCulture, $"--batch-size must be at most --examples, which is {run.NumberOfExamples}, but it is {run.BatchSize}."));

    /// <summary>The run with so many epochs or steps.</summary>
    /// <exception cref="UsageException">Both or neither are given, or there are too many steps to count.</exception>
    public static DpSgdRun WithLength(this DpSgdRun run, double? epochs, long? steps) => (epochs, steps) switch
    {
        (null, null) => throw new UsageException("--epochs or --steps is missing."),
        ({ }, { }) => throw new UsageException("--epochs and --steps say the same thing. Leave one of them out."),
        ({ } e, null) => run.WithEpochs(e),
        (null, { } s) => run.WithSteps(s),
    };

    /// <summary>The run with so many steps, at most <see cref="MostSteps"/>.</summary>
    public static DpSgdRun WithSteps(this DpSgdRun run, long steps)
    {
        // The double next to the quotient may be above it, and would count as a step more.
        var longer = run with { Epochs = (double)steps * run.BatchSize / run.NumberOfExamples };
        while (longer.Steps > steps)
            longer = longer with { Epochs = Math.BitDecrement(longer.Epochs) };
        return longer;
    }

    private static DpSgdRun WithEpochs(this DpSgdRun run, double epochs)
    {
        var longer = run with { Epochs = epochs };
        return epochs * run.NumberOfExamples / run.BatchSize < MostSteps
            ? longer
            : throw new UsageException(string.Create(
                CultureInfo.InvariantCulture, $"--epochs must give at most {MostSteps} steps, but with batches of {run.BatchSize} of {run.NumberOfExamples} examples {epochs} gives more."));
    }
}
