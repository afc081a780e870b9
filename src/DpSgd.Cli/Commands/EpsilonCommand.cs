using System.CommandLine;
using DpSgd.Accounting;
using DpSgd.Cli.Answers;
using DpSgd.Cli.Options;

namespace DpSgd.Cli.Commands;

/// <summary><c>dpsgd epsilon</c>: what a run costs.</summary>
internal static class EpsilonCommand
{
    public static Command Create() => new ExemplifiedCommand(
        "epsilon",
        "Epsilon of a run whose batches are Poisson samples.",
        [.. RunOptions.All, AccountantKinds.Option],
        Answer,
        "dpsgd epsilon --examples 60000 --batch-size 250 --noise-multiplier 1.3 --epochs 3 --delta 1e-5",
        "dpsgd epsilon --examples 60000 --batch-size 1024 --noise-multiplier 3.33 --steps 878 --delta 1e-5 --accountant pld",
        "dpsgd epsilon --examples 60000 --batch-size 250 --noise-multiplier 1.3 --epochs 3 --delta 1e-5 --json");

    private static Answer Answer(ParseResult arguments)
    {
        var run = RunOptions.Read(arguments) with { UsesPldAccountant = arguments.GetValue(AccountantKinds.Option) == AccountantKind.Pld };
        return new(
            () => string.Join('\n', Sentences.Of(run).Append(
                "It rests on Poisson sampling: 'dpsgd statement' says what else it assumes, 'dpsgd compare' what other batches cost.")),
            () => AnswerJson.Write(GuaranteeJson.Of(DpSgdPrivacy.Guarantee(run))));
    }
}
