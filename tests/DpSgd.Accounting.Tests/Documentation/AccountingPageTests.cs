using System.Text.RegularExpressions;
using DpSgd.Tests.Documentation;
using DpSgd.Tests.TestKit;

namespace DpSgd.Accounting.Tests.Documentation;

/// <summary>Every program in docs/accounting.md compiles, runs, and prints what the page says it prints.</summary>
[Collection("Console")]
public class AccountingPageTests
{
    private static readonly string Page = Path.Combine(Repository.Root, "docs", "accounting.md");

    public static TheoryData<int> Programs => [.. Enumerable.Range(0, CodeBlocks.Of(Page, "csharp").Count)];

    [Theory]
    [MemberData(nameof(Programs))]
    public void Prints_what_it_says(int number)
    {
        var said = CodeBlocks.Of(Page, "text")[number];
        CodeBlocks.Run(CodeBlocks.Of(Page, "csharp")[number]).ReplaceLineEndings("\n").Should().Be(said.ReplaceLineEndings("\n"));
    }

    [Fact]
    public void Every_program_is_followed_by_what_it_prints()
    {
        var languages = Regex.Matches(File.ReadAllText(Page), @"^```(\w+)", RegexOptions.Multiline).Select(match => match.Groups[1].Value).ToList();
        languages.Should().HaveCountGreaterThanOrEqualTo(10);
        for (var i = 0; i < languages.Count; i += 2)
            languages.Skip(i).Take(2).Should().Equal("csharp", "text");
    }

    /// <summary>The table of events names each of them.</summary>
    [Fact]
    public void Every_event_is_in_the_table() => typeof(DpEvent).Assembly.GetExportedTypes()
        .Where(type => type.IsSubclassOf(typeof(DpEvent)))
        .Should().OnlyContain(type => File.ReadAllText(Page).Contains($"`{type.Name}`"));
}
