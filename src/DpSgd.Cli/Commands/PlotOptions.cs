using System.CommandLine;
using System.Globalization;
using DpSgd.Accounting;
using DpSgd.Cli.Options;
using DpSgd.Cli.Plotting;

namespace DpSgd.Cli.Commands;

/// <summary>The options of <c>dpsgd plot</c>: those of a run, several values of each, and those of a picture.</summary>
internal static class PlotOptions
{
    public static readonly Option<PlotAxis> Against = ChoiceOption.One("--against", "What epsilon is shown against.", PlotAxes.Words);

    public static readonly Option<int[]> BatchSizes = NumberOption.Several(
        "--batch-size", "Expected number of examples in a batch, at most --examples.", RunOptions.BatchSizeRange);

    public static readonly Option<double[]> NoiseMultipliers = NumberOption.Several(
        "--noise-multiplier", "Standard deviation of the noise over the clip norm.", NumberRange.NonNegative);

    public static readonly Option<double[]> Epochs = NumberOption.Several(
        "--epochs", "Passes over the data; need not be whole. These or --steps.", NumberRange.Positive);

    public static readonly Option<long[]> Steps = NumberOption.Several(
        "--steps", "Steps, each on one batch. These or --epochs.", RunOptions.StepsRange);

    public static readonly Option<double[]> Deltas = NumberOption.Several(
        "--delta", "Delta of the guarantee.", NumberRange.Probability);

    public static readonly Option<AccountantKind[]> Accountants = ChoiceOption.Several("--accountant", "How costs are added up.", AccountantKinds.Words);

    public static readonly Option<Sampling[]> SamplingKinds = ChoiceOption.Several("--sampling", "Who is in a batch.", Samplings.Words);

    public static readonly Option<double?> From = NumberOption.Optional(
        "--from", "Where the axis begins.", NumberRange.Positive, "noise 0.5, batches of a thousandth of the data");

    public static readonly Option<double?> To = NumberOption.Optional(
        "--to", "Where the axis ends.", NumberRange.Positive, "noise 4, batches of a tenth of the data");

    public static readonly Option<string[]> Files = new("--output")
    {
        Description = "Files to write, named .png or .svg.",
        HelpName = "files",
        AllowMultipleArgumentsPerToken = true,
        Arity = ArgumentArity.OneOrMore,
        Required = true,
    };

    public static readonly Option<string?> Title = new("--title") { Description = "Title of the picture.", HelpName = "text" };

    public static readonly Option<int?> Width = NumberOption.Optional("--width", "Width in pixels.", NumberRange.Whole(200, 8000), "960");

    public static readonly Option<int?> Height = NumberOption.Optional("--height", "Height in pixels.", NumberRange.Whole(150, 8000), "540");

    public static readonly Option[] All =
    [
        Against, RunOptions.Examples, BatchSizes, NoiseMultipliers, Epochs, Steps, Deltas, Accountants, SamplingKinds,
        RunOptions.MicrobatchSize, From, To, Files, Title, Width, Height,
    ];

    static PlotOptions() => Deltas.Required = true;

    /// <summary>All combinations of the values given, in their order.</summary>
    public static IReadOnlyList<Series> ReadSeries(ParseResult arguments, PlotAxis axis)
    {
        var examples = arguments.GetValue(RunOptions.Examples);
        var batches = Varied(arguments, BatchSizes, axis == PlotAxis.BatchSize, 1);
        var noises = Varied(arguments, NoiseMultipliers, axis == PlotAxis.Noise, 1);
        return
        [
            .. from batch in batches
               from noise in noises
               from length in Lengths(arguments, axis)
               from delta in arguments.GetValue(Deltas)!
               from sampling in Chosen(arguments, SamplingKinds)
               from accountant in Chosen(arguments, Accountants)
               let run = RunOptions.Checked(new DpSgdRun
               {
                   NumberOfExamples = examples,
                   BatchSize = batch,
                   MicrobatchSize = arguments.GetValue(RunOptions.MicrobatchSize) ?? 1,
                   NoiseMultiplier = noise,
                   Epochs = 1,
                   Delta = delta,
               })
               let checkedRun = length.Of(run)
               select new Series(run, length, accountant, sampling),
        ];
    }

    /// <summary>Where to compute.</summary>
    public static double[] ReadPoints(ParseResult arguments, PlotAxis axis, IReadOnlyList<Series> series)
    {
        var (from, to) = (arguments.GetValue(From), arguments.GetValue(To));
        var examples = arguments.GetValue(RunOptions.Examples);
        if (axis == PlotAxis.Steps)
        {
            return from is null && to is null
                ? PlotPoints.Roots(series.Max(line => line.Length.Of(line.Run).Steps))
                : throw new UsageException("--from and --to mean nothing with --against steps: --epochs or --steps say where it ends.");
        }

        var first = from ?? (axis == PlotAxis.Noise ? 0.5 : Math.Max(1, examples / 1000));
        var last = to ?? (axis == PlotAxis.Noise ? 4 : Math.Max(Math.Min(examples, 10), examples / 10));
        if (!(first < last))
            throw new UsageException(string.Create(CultureInfo.InvariantCulture, $"--from must be below --to, but it is {first} and --to is {last}."));
        if (axis == PlotAxis.Noise)
            return PlotPoints.Ratios(first, last);
        var most = Math.Min(examples, int.MaxValue);
        return first >= 1 && last <= most
            ? PlotPoints.WholeRatios(first, last)
            : throw new UsageException(string.Create(CultureInfo.InvariantCulture, $"--from and --to must be from 1 to {most}, for batches, but they are {first} and {last}."));
    }

    /// <summary>The files, whose names say their kind.</summary>
    public static IReadOnlyList<string> ReadFiles(ParseResult arguments)
    {
        var files = arguments.GetValue(Files)!;
        var other = files.FirstOrDefault(file => Path.GetExtension(file).ToUpperInvariant() is not (".PNG" or ".SVG"));
        return other is null ? files : throw new UsageException($"--output must end in .png or .svg, but it is '{other}'.");
    }

    private static T[] Chosen<T>(ParseResult arguments, Option<T[]> option)
        where T : struct, Enum => arguments.GetValue(option) is { Length: > 0 } values ? values : [default];

    private static T[] Varied<T>(ParseResult arguments, Option<T[]> option, bool isAxis, T placeholder)
    {
        var values = arguments.GetValue(option) ?? [];
        return (isAxis, values.Length) switch
        {
            (true, 0) => [placeholder],
            (true, _) => throw new UsageException($"{option.Name} is what --against shows. Leave it out; --from and --to say where the axis begins and ends."),
            (false, 0) => throw new UsageException($"{option.Name} is missing. 'dpsgd plot --help' says more."),
            _ => values,
        };
    }

    private static Length[] Lengths(ParseResult arguments, PlotAxis axis)
    {
        var (epochs, steps) = (arguments.GetValue(Epochs) ?? [], arguments.GetValue(Steps) ?? []);
        if (axis == PlotAxis.Steps && epochs.Length + steps.Length > 1)
            throw new UsageException("--epochs and --steps say where the axis ends with --against steps. Leave all but one value out.");
        return (epochs.Length, steps.Length) switch
        {
            (0, 0) => [new Length(null, null)],
            ( > 0, > 0) => [new Length(1, 1)],
            ( > 0, _) => [.. epochs.Select(epoch => new Length(epoch, null))],
            _ => [.. steps.Select(step => new Length(null, step))],
        };
    }
}
