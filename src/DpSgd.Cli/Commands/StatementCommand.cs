using System.CommandLine;
using DpSgd.Accounting;
using DpSgd.Cli.Answers;
using DpSgd.Cli.Options;

namespace DpSgd.Cli.Commands;

/// <summary><c>dpsgd statement</c>: the guarantee in words, with all that it assumes.</summary>
internal static class StatementCommand
{
    private static readonly Option<int?> MaxExamplesPerUser = NumberOption.Optional(
        "--max-examples-per-user", "Most examples of one person; without it nothing is said about persons.", NumberRange.Whole(1, 10_000));

    private static readonly Option<Sampling> Sampling = ChoiceOption.One(
        "--sampling", "Who is in a batch: a Poisson sample, or each example once an epoch, as when the data are shuffled.", Samplings.Words[..2]);

    public static Command Create() => new ExemplifiedCommand(
        "statement",
        "The guarantee of a run in words, with all that it assumes.",
        [.. RunOptions.All, MaxExamplesPerUser, Sampling, AccountantKinds.Option],
        Answer,
        "dpsgd statement --examples 60000 --batch-size 250 --noise-multiplier 1.3 --epochs 3 --delta 1e-5",
        "dpsgd statement --examples 60000 --batch-size 250 --noise-multiplier 4 --epochs 3 --delta 1e-5 --max-examples-per-user 5 --accountant pld",
        "dpsgd statement --examples 60000 --batch-size 250 --noise-multiplier 1.3 --epochs 3 --delta 1e-5 --sampling once-per-epoch");

    private static Answer Answer(ParseResult arguments)
    {
        var run = RunOptions.Read(arguments) with
        {
            MaxExamplesPerUser = arguments.GetValue(MaxExamplesPerUser),
            UsesPoissonSampling = arguments.GetValue(Sampling) == Options.Sampling.Poisson,
            UsesPldAccountant = arguments.GetValue(AccountantKinds.Option) == AccountantKind.Pld,
        };
        return new(() => DpSgdPrivacy.Statement(run), () => Json(DpSgdPrivacy.Guarantee(run)));
    }

    private static string Json(DpSgdGuarantee guarantee) => AnswerJson.Write(new StatementJson(
        GuaranteeJson.Of(guarantee),
        guarantee.ExampleEpsilonWithPoissonSampling,
        guarantee.ExampleEpsilonOncePerEpoch,
        guarantee.Run.MaxExamplesPerUser,
        guarantee.UserEpsilonWithPoissonSampling,
        guarantee.UserEpsilonOncePerEpoch,
        DpSgdPrivacy.Statement(guarantee.Run)));
}
