namespace DpSgd.Tests.Documentation;

/// <summary>
/// No page has a block of code that nobody runs. What is not of a kind below (a language that no test knows, a block without
/// one) has no place on a page, for nothing would notice when it becomes wrong.
/// </summary>
public class EveryBlockIsRunTests
{
    /// <summary>The line that completes commands in bash; CommandLinePageTests completes with it.</summary>
    private const string Completion = "eval \"$(dpsgd completion bash)\"";

    public static TheoryData<string> PagesWithBlocks => [.. MarkdownPages.All.Where(page => MarkdownPages.Blocks(page).Count > 0)];

    [Theory]
    [MemberData(nameof(PagesWithBlocks))]
    public void Every_block_is_of_a_kind_that_a_test_runs(string page)
    {
        var blocks = MarkdownPages.Blocks(page);
        for (var i = 0; i < blocks.Count; i++)
        {
            var (language, code) = blocks[i];
            var before = i == 0 ? "" : blocks[i - 1].Language;
            var isRun = language switch
            {
                "csharp" => true,                                        // PagesTests knows who runs each page's
                "bash" => code.StartsWith(Completion, StringComparison.Ordinal) || Commands(code).All(CommandsOfPagesTests.IsChecked),
                "text" => before is "csharp" or "bash"                   // what they print: compared by those who run them
                    || code.StartsWith("dpsgd ", StringComparison.Ordinal),   // an error: CommandLinePageTests makes it
                "mermaid" => page == "docs/architecture.md",             // ArchitectureTests
                _ => false,
            };
            isRun.Should().BeTrue("{0} has a block in '{1}' that nothing runs:\n{2}", page, language, code);
        }
    }

    [Fact]
    public void No_fence_is_left_open() => MarkdownPages.All
        .Should().OnlyContain(page => !MarkdownPages.Prose(page).Contains("```"));

    private static string[] Commands(string code) => code.Split('\n', StringSplitOptions.RemoveEmptyEntries);
}
