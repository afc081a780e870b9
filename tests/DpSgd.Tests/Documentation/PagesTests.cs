using System.Globalization;
using System.Text.RegularExpressions;
using DpSgd.Tests.TestKit;

namespace DpSgd.Tests.Documentation;

/// <summary>
/// Every program on these pages is followed by what it prints. An ellipsis stands for what differs from run to run, since
/// batches and noise do.
/// </summary>
public class PagesTests
{
    private static readonly string[] Pages =
    [
        "docs/getting-started.md", "docs/concepts.md", "docs/hyperparameters.md", "docs/from-tensorflow-privacy.md", "docs/from-opacus.md",
        "docs/extending.md", "src/DpSgd/README.md", "src/DpSgd.Accounting/README.md",
    ];

    private static readonly string[] PagesWithTestsOfTheirOwn =
        ["README.md", "docs/accounting.md", "docs/checkpoints.md", "docs/layers.md", "docs/mlnet.md", "docs/sampling.md", "src/DpSgd.ML/README.md"];

    public static TheoryData<string, int> Programs
    {
        get
        {
            var programs = new TheoryData<string, int>();
            foreach (var page in Pages)
            {
                for (var number = 0; number < CodeBlocks.Of(Path.Combine(Repository.Root, page), "csharp").Count; number++)
                    programs.Add(page, number);
            }
            return programs;
        }
    }

    [Theory]
    [MemberData(nameof(Programs))]
    public void Prints_what_it_says(string page, int number)
    {
        var blocks = CodeBlocks.All(Path.Combine(Repository.Root, page)).ToList();
        var at = Enumerable.Range(0, blocks.Count).Where(i => blocks[i].Language == "csharp").ElementAt(number);
        blocks.Should().HaveCountGreaterThan(at + 1);
        blocks[at + 1].Language.Should().Be("text", "what a program prints comes after it");

        var program = blocks[at].Code;
        var printed = CodeBlocks.Run(program, insideLibrary: program.Contains("\ninternal ", StringComparison.Ordinal));
        printed.ReplaceLineEndings("\n").TrimEnd().Should().MatchRegex(Pattern(blocks[at + 1].Code.ReplaceLineEndings("\n").TrimEnd()));
    }

    [Fact]
    public void The_first_program_learns()
    {
        var printed = CodeBlocks.Run(CodeBlocks.Of(Path.Combine(Repository.Root, "docs", "getting-started.md"), "csharp")[0]);
        var accuracy = Regex.Match(printed, @"^epoch 6: epsilon 3\.00, test accuracy (\d\.\d\d)", RegexOptions.Multiline).Groups[1].Value;
        double.Parse(accuracy, CultureInfo.InvariantCulture).Should().BeGreaterThan(0.6, "a third would be chance");
    }

    /// <summary>What stands beside the Python of another library is in the program below, to the letter (but for ellipses).</summary>
    [Theory]
    [InlineData("docs/from-opacus.md")]
    [InlineData("docs/from-tensorflow-privacy.md")]
    public void Side_by_side_stands_what_is_run(string page)
    {
        var (text, program) = (MarkdownPages.Text(page), MarkdownPages.Blocks(page)[0].Code);
        var table = text[..text.IndexOf("```csharp", StringComparison.Ordinal)].Split('\n').Where(line => line.StartsWith("| `", StringComparison.Ordinal)).ToList();
        table.Should().HaveCountGreaterThan(10);
        table.SelectMany(row => Regex.Matches(row.Split(" | ")[1], "`([^`]+)`").Select(match => match.Groups[1].Value))
            .Should().OnlyContain(expression => Regex.IsMatch(program, Regex.Escape(expression).Replace("…", ".*", StringComparison.Ordinal), RegexOptions.Singleline));
    }

    [Fact]
    public void No_page_is_left_out() => MarkdownPages.All
        .Where(page => MarkdownPages.Blocks(page).Any(block => block.Language == "csharp"))
        .Should().BeEquivalentTo(Pages.Concat(PagesWithTestsOfTheirOwn));

    private static string Pattern(string text) => $@"\A{Regex.Escape(text).Replace("…", ".+", StringComparison.Ordinal)}\z";
}
