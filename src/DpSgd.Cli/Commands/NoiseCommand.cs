using System.CommandLine;
using DpSgd.Accounting;
using DpSgd.Cli.Answers;
using DpSgd.Cli.Options;

namespace DpSgd.Cli.Commands;

/// <summary><c>dpsgd noise</c>: how much noise a target needs.</summary>
internal static class NoiseCommand
{
    // What is shown; enough that rounding it up costs nothing to speak of.
    private const int Digits = 5;

    public static Command Create() => new ExemplifiedCommand(
        "noise",
        "The least noise multiplier with which a run stays within a guarantee.",
        [
            RunOptions.Epsilon, RunOptions.Delta, RunOptions.Examples, RunOptions.BatchSize, RunOptions.Epochs, RunOptions.Steps,
            RunOptions.MicrobatchSize, AccountantKinds.Option,
        ],
        Answer,
        "dpsgd noise --epsilon 1 --delta 1e-5 --examples 60000 --batch-size 250 --epochs 15",
        "dpsgd noise --epsilon 1 --delta 1e-5 --examples 60000 --batch-size 250 --steps 3600 --accountant pld --json");

    private static Answer Answer(ParseResult arguments)
    {
        var kind = arguments.GetValue(AccountantKinds.Option);
        var target = arguments.GetValue(RunOptions.Epsilon);
        var run = RunOptions.ReadWithoutNoise(arguments) with { UsesPldAccountant = kind == AccountantKind.Pld };
        var found = Reach.OrSayWhyNot(() => NoiseCalibration.FindNoiseMultiplier(
            target, run.Delta, run.SamplingProbability, run.Steps, () => kind.Create()));
        var noise = run.MicrobatchSize > 1 ? 2 * found : found;
        return new(
            () => Text(run with { NoiseMultiplier = RoundUp(noise) }),
            () => AnswerJson.Write(new NoiseJson(
                noise, target, GuaranteeJson.Of(DpSgdPrivacy.Guarantee(run with { NoiseMultiplier = noise })))));
    }

    private static string Text(DpSgdRun run) => string.Join('\n', Sentences.Of(run)
        .Prepend(FormattableString.Invariant($"The least noise multiplier is {run.NoiseMultiplier}, rounded up.")));

    // Rounded down it would not keep its promise.
    private static double RoundUp(double noise)
    {
        if (noise == 0 || !double.IsFinite(noise))
            return noise;
        var unit = Math.Pow(10, Math.Floor(Math.Log10(noise)) - Digits + 1);
        var rounded = double.Parse(
            (Math.Ceiling(noise / unit) * unit).ToString($"G{Digits}", System.Globalization.CultureInfo.InvariantCulture),
            System.Globalization.CultureInfo.InvariantCulture);
        return rounded >= noise ? rounded : noise;
    }
}
