using DpSgd.Accounting;

namespace DpSgd.Cli.Answers;

/// <summary>The guarantee of a run in short: the two sentences with its numbers, and what there is to warn of.</summary>
internal static class Sentences
{
    public static IEnumerable<string> Of(DpSgdRun run) => DpSgdPrivacy.Statement(run).Split('\n')
        .Where((line, i) => i < 2 || line.StartsWith("Warning:", StringComparison.Ordinal));
}
