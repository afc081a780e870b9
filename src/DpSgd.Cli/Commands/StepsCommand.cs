using System.CommandLine;
using DpSgd.Accounting;
using DpSgd.Cli.Answers;
using DpSgd.Cli.Options;

namespace DpSgd.Cli.Commands;

/// <summary><c>dpsgd steps</c>: how long one may train.</summary>
internal static class StepsCommand
{
    public static Command Create() => new ExemplifiedCommand(
        "steps",
        "The most steps with which a run stays within a guarantee.",
        [
            RunOptions.Epsilon, RunOptions.Delta, RunOptions.Examples, RunOptions.BatchSize, RunOptions.NoiseMultiplier,
            RunOptions.MicrobatchSize, AccountantKinds.Option,
        ],
        Answer,
        "dpsgd steps --epsilon 1 --delta 1e-5 --examples 60000 --batch-size 250 --noise-multiplier 1.3",
        "dpsgd steps --epsilon 1 --delta 1e-5 --examples 60000 --batch-size 250 --noise-multiplier 1.3 --accountant pld --json");

    private static Answer Answer(ParseResult arguments)
    {
        var kind = arguments.GetValue(AccountantKinds.Option);
        var target = arguments.GetValue(RunOptions.Epsilon);
        var run = RunOptions.ReadWithoutLength(arguments, arguments.GetValue(RunOptions.NoiseMultiplier)) with
        {
            UsesPldAccountant = kind == AccountantKind.Pld,
        };
        var sigma = run.MicrobatchSize > 1 ? run.NoiseMultiplier / 2 : run.NoiseMultiplier;
        var most = Reach.OrSayWhyNot(() => NoiseCalibration.FindSteps(target, run.Delta, run.SamplingProbability, sigma, () => kind.Create()));
        run = run.WithSteps(Math.Min(most, RunOptions.MostSteps));
        return new(
            () => Text(run, most),
            () => AnswerJson.Write(new StepsJson(run.Steps, run.Epochs, target, GuaranteeJson.Of(DpSgdPrivacy.Guarantee(run)))));
    }

    private static string Text(DpSgdRun run, long most) => string.Join('\n', Sentences.Of(run).Prepend(most <= RunOptions.MostSteps
        ? FormattableString.Invariant($"At most {run.Steps} steps, {run.Epochs:G5} epochs.")
        : FormattableString.Invariant($"{run.Steps} steps and more: this command counts no further.")));
}
