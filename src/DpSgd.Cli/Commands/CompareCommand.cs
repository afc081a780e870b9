using System.CommandLine;
using System.Globalization;
using DpSgd.Accounting;
using DpSgd.Cli.Answers;
using DpSgd.Cli.Options;
using Spectre.Console;

namespace DpSgd.Cli.Commands;

/// <summary><c>dpsgd compare</c>: the same run by both accountants, with and without Poisson sampling.</summary>
internal static class CompareCommand
{
    public static Command Create() => new ExemplifiedCommand(
        "compare",
        "Epsilon of the same run by both accountants, with and without Poisson sampling.",
        RunOptions.All,
        Answer,
        "dpsgd compare --examples 60000 --batch-size 250 --noise-multiplier 1.3 --epochs 3 --delta 1e-5",
        "dpsgd compare --examples 60000 --batch-size 250 --noise-multiplier 1.3 --epochs 3 --delta 1e-5 --json");

    private static Answer Answer(ParseResult arguments)
    {
        var run = RunOptions.Read(arguments);
        var epsilons = (
            from sampling in Samplings.Words
            from accountant in AccountantKinds.Words
            select new ComparedJson(sampling.Word, accountant.Word, sampling.Value.Epsilon(run, accountant.Value))).ToList();
        return new(
            () => Text(run, epsilons),
            () => AnswerJson.Write(new CompareJson(RunJson.Of(run), run.Delta, nameof(NeighboringRelation.AddOrRemoveOne), epsilons)));
    }

    private static string Text(DpSgdRun run, List<ComparedJson> epsilons)
    {
        var table = new Table().AddColumn("batches");
        foreach (var (word, _) in AccountantKinds.Words)
            table.AddColumn(new TableColumn($"eps by {word.ToUpperInvariant()}").RightAligned());
        foreach (var (word, sampling) in Samplings.Words)
        {
            table.AddRow([
                sampling.InWords(),
                .. epsilons.Where(epsilon => epsilon.Sampling == word).Select(epsilon => Short(epsilon.Epsilon)),
            ]);
        }

        var text = new StringWriter { NewLine = "\n" };
        text.WriteLine(FormattableString.Invariant(
            $"{run.Steps} steps on batches of {run.BatchSize} of {run.NumberOfExamples} examples, noise multiplier {run.NoiseMultiplier}, delta {run.Delta:g}:"));
        var console = AnsiConsole.Create(new AnsiConsoleSettings { Ansi = AnsiSupport.No, Interactive = InteractionSupport.No, Out = new AnsiConsoleOutput(text) });
        console.Profile.Width = 200;
        console.Profile.Capabilities.Unicode = true;
        console.Write(table);
        return text.ToString().TrimEnd('\n');
    }

    private static string Short(double epsilon) => double.IsFinite(epsilon) ? epsilon.ToString("G4", CultureInfo.InvariantCulture) : "inf";
}
