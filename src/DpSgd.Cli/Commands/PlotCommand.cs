using System.CommandLine;
using DpSgd.Cli.Answers;
using DpSgd.Cli.Options;
using DpSgd.Cli.Plotting;

namespace DpSgd.Cli.Commands;

/// <summary><c>dpsgd plot</c>: epsilon against steps, noise or batch size.</summary>
internal static class PlotCommand
{
    public static Command Create() => new ExemplifiedCommand(
        "plot",
        "A picture of epsilon against steps, noise or batch size: a line for each combination of the values given.",
        PlotOptions.All,
        Answer,
        "dpsgd plot --examples 60000 --batch-size 250 --noise-multiplier 0.9 1.1 1.3 --epochs 15 --delta 1e-5 --output steps.png",
        "dpsgd plot --against noise --examples 60000 --batch-size 250 1000 --epochs 15 --delta 1e-5 --accountant rdp pld --output noise.png noise.svg",
        "dpsgd plot --against batch-size --examples 60000 --noise-multiplier 1.3 --epochs 3 --delta 1e-5 --sampling poisson once-per-epoch --output batch.svg");

    private static Answer Answer(ParseResult arguments)
    {
        var axis = arguments.GetValue(PlotOptions.Against);
        var files = PlotOptions.ReadFiles(arguments);
        var series = PlotOptions.ReadSeries(arguments, axis);
        var points = PlotOptions.ReadPoints(arguments, axis, series);
        var (shared, labels) = Tell(axis, series);
        var lines = Lines(axis, series, points, labels);
        if (!lines.SelectMany(line => line.Epsilon).Any(double.IsFinite))
            throw new NoAnswerException("there is nothing to draw: every epsilon is infinite.");

        using (var picture = new Picture(
            arguments.GetValue(PlotOptions.Title) ?? $"Epsilon of DP-SGD against {axis.InWords()}", shared, axis, lines))
        {
            foreach (var file in files)
                Write(picture, file, arguments.GetValue(PlotOptions.Width) ?? 960, arguments.GetValue(PlotOptions.Height) ?? 540);
        }

        return new(
            () => $"{string.Join(", ", files)}: {series.Count} {(series.Count == 1 ? "line" : "lines")} of {points.Length} points.",
            () => AnswerJson.Write(new PlotJson(files, axis.Word(), [.. series.Zip(lines, (one, line) => new SeriesJson(
                line.Label, one.Run.Delta, one.Accountant.Word(), one.Sampling.Word(), line.X, line.Epsilon))])));
    }

    private static void Write(Picture picture, string file, int width, int height)
    {
        try
        {
            picture.Write(file, width, height);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new NoAnswerException($"--output '{file}' cannot be written: {e.Message}");
        }
    }

    // What all lines share goes under the title, what tells them apart into the legend.
    private static (string Shared, string?[] Labels) Tell(PlotAxis axis, IReadOnlyList<Series> series)
    {
        var traits = series.Select(one => one.Traits(axis).ToArray()).ToArray();
        var differing = Enumerable.Range(0, traits[0].Length).Where(i => traits.Any(trait => trait[i] != traits[0][i])).ToArray();
        var run = series[0].Run;
        var shared = traits[0].Where((trait, i) => trait.Length > 0 && !differing.Contains(i))
            .Prepend(FormattableString.Invariant($"{run.NumberOfExamples:N0} examples"));
        if (run.MicrobatchSize > 1)
            shared = shared.Append(FormattableString.Invariant($"microbatches of {run.MicrobatchSize:N0}"));
        return (
            string.Join(", ", shared),
            [.. traits.Select(trait => differing.Length == 0 ? null : string.Join(", ", differing.Select(i => trait[i])))]);
    }

    // A colour for each run, a pattern for each way to account for it; colours alone when there is but one run.
    private static List<PictureLine> Lines(PlotAxis axis, IReadOnlyList<Series> series, double[] points, string?[] labels)
    {
        var runs = series.Select(one => (one.Run, one.Length)).Distinct().ToList();
        var ways = series.Select(one => (one.Accountant, one.Sampling)).Distinct().ToList();
        if (Math.Max(runs.Count, runs.Count == 1 ? ways.Count : 0) > Picture.MostColors || (runs.Count > 1 && ways.Count > Picture.MostPatterns))
        {
            throw new UsageException(
                $"at most {Picture.MostColors} runs, each in at most {Picture.MostPatterns} ways, can be told apart, but these are {runs.Count} in {ways.Count}.");
        }

        return
        [
            .. series.Select((one, i) =>
            {
                var (run, way) = (runs.IndexOf((one.Run, one.Length)), ways.IndexOf((one.Accountant, one.Sampling)));
                return new PictureLine(
                    labels[i], runs.Count == 1 ? way : run, runs.Count == 1 ? 0 : way, points, one.Epsilons(axis, points));
            }),
        ];
    }
}
