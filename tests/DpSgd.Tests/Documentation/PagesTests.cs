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
    private static readonly string Docs = Path.Combine(Repository.Root, "docs");

    private static readonly string[] Pages =
        ["getting-started.md", "concepts.md", "hyperparameters.md", "from-tensorflow-privacy.md", "from-opacus.md", "extending.md"];

    private static readonly string[] PagesWithTestsOfTheirOwn = ["accounting.md", "checkpoints.md", "layers.md", "mlnet.md", "sampling.md"];

    public static TheoryData<string, int> Programs
    {
        get
        {
            var programs = new TheoryData<string, int>();
            foreach (var page in Pages)
            {
                for (var number = 0; number < CodeBlocks.Of(Path.Combine(Docs, page), "csharp").Count; number++)
                    programs.Add(page, number);
            }
            return programs;
        }
    }

    [Theory]
    [MemberData(nameof(Programs))]
    public void Prints_what_it_says(string page, int number)
    {
        var blocks = CodeBlocks.All(Path.Combine(Docs, page)).ToList();
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
        var printed = CodeBlocks.Run(CodeBlocks.Of(Path.Combine(Docs, "getting-started.md"), "csharp")[0]);
        var accuracy = Regex.Match(printed, @"^epoch 6: epsilon 3\.00, test accuracy (\d\.\d\d)", RegexOptions.Multiline).Groups[1].Value;
        double.Parse(accuracy, CultureInfo.InvariantCulture).Should().BeGreaterThan(0.6, "a third would be chance");
    }

    [Fact]
    public void No_page_is_left_out() => Directory.EnumerateFiles(Docs, "*.md")
        .Where(page => CodeBlocks.Of(page, "csharp").Count > 0).Select(Path.GetFileName)
        .Should().BeEquivalentTo(Pages.Concat(PagesWithTestsOfTheirOwn));

    private static string Pattern(string text) => $@"\A{Regex.Escape(text).Replace("…", ".+", StringComparison.Ordinal)}\z";
}
