using System.Text.RegularExpressions;
using DpSgd.Tests.TestKit;

namespace DpSgd.Tests.Documentation;

/// <summary>docs/sampling.md says nothing that was not compiled and run.</summary>
public class SamplingDocumentTests
{
    private static readonly string Document = Path.Combine(Repository.Root, "docs", "sampling.md");

    [Fact]
    public void The_table_has_the_epsilons_that_the_program_prints()
    {
        var printed = Run(0);
        var lines = File.ReadAllLines(Document);
        foreach (var (line, row) in new[] { ("Poisson", "PoissonDataLoader"), ("truncated", "TruncatedPoissonDataLoader"), ("fixed size", "FixedSizeDataLoader"), ("shuffled", "ShuffledDataLoader"), ("not declared", "your own") })
        {
            var epsilons = printed.Split('\n').Single(l => l.StartsWith(line + ": "))[(line.Length + 2)..].Trim();
            lines.Single(l => Regex.IsMatch(l, $@"^\| `?{row}")).Should().EndWith($"| {epsilons} |", printed);
        }
    }

    [Fact]
    public void Fixed_size() => Run(1).Should().MatchRegex(@"^24 steps of 250 examples, epsilon = \d\.\d\d\s*$");

    // 36,000 draws at a probability of 1/6 make 6,000 on average, 71 more or less: outside this range once in 10^9.
    [Fact]
    public void Pieces_and_indices()
    {
        var printed = Regex.Match(Run(2), @"^6 steps of (\d+) pieces; every example was seen 1 times on average");
        printed.Success.Should().BeTrue();
        int.Parse(printed.Groups[1].Value).Should().BeInRange((6_000 - 7 * 71) / 64, (6_000 + 7 * 71) / 64 + 6);
    }

    [Fact]
    public void Data_of_ones_own() => Run(3).Should().MatchRegex(@"^([0-4] sentences of 3 letters\s+){4}$");

    [Fact]
    public void All_blocks_are_run_here() => CodeBlocks.Of(Document, "csharp").Should().HaveCount(4);

    private static string Run(int block) => CodeBlocks.Run(CodeBlocks.Of(Document, "csharp")[block]);
}
