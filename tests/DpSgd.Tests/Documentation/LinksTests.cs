using System.Text.RegularExpressions;
using DpSgd.Tests.TestKit;

namespace DpSgd.Tests.Documentation;

/// <summary>Links from page to page lead to something.</summary>
public partial class LinksTests
{
    public static TheoryData<string> Pages => [.. MarkdownPages.All];

    [Theory]
    [MemberData(nameof(Pages))]
    public void Lead_to_what_exists(string page)
    {
        var file = Path.Combine(Repository.Root, page);
        foreach (var target in Link().Matches(WithoutCode(file)).Select(match => match.Groups["target"].Value).Where(target => !target.Contains("://", StringComparison.Ordinal)))
        {
            var parts = target.Split('#');
            var path = parts[0].Length == 0 ? file : Path.GetFullPath(Path.Combine(Path.GetDirectoryName(file)!, parts[0]));
            (File.Exists(path) || Directory.Exists(path)).Should().BeTrue("{0} links to {1}", page, target);
            if (parts.Length > 1)
                Anchors(path).Should().Contain(parts[1], "{0} links to {1}", page, target);
        }
    }

    /// <summary>Each page can be found: from the index, and the index from README.</summary>
    [Fact]
    public void Every_page_is_in_the_index()
    {
        var index = File.ReadAllText(Path.Combine(Repository.Root, "docs", "README.md"));
        Directory.EnumerateFiles(Path.Combine(Repository.Root, "docs"), "*.md").Select(Path.GetFileName).Where(page => page != "README.md")
            .Should().NotBeEmpty().And.OnlyContain(page => index.Contains($"]({page})"));
        File.ReadAllText(Path.Combine(Repository.Root, "README.md")).Should().Contain("(docs/README.md)");
    }

    /// <summary>What GitHub makes of headings.</summary>
    private static IEnumerable<string> Anchors(string file) => Heading().Matches(WithoutCode(file))
        .Select(match => NotInAnchors().Replace(match.Groups["text"].Value.Trim().ToLowerInvariant(), "").Replace(' ', '-'));

    private static string WithoutCode(string file) => Fence().Replace(File.ReadAllText(file).ReplaceLineEndings("\n"), "");

    [GeneratedRegex(@"\]\((?<target>[^)\s]+)\)")]
    private static partial Regex Link();

    [GeneratedRegex("^#+ (?<text>.*)$", RegexOptions.Multiline)]
    private static partial Regex Heading();

    [GeneratedRegex(@"[^\w\- ]")]
    private static partial Regex NotInAnchors();

    [GeneratedRegex("^```.*?^```", RegexOptions.Multiline | RegexOptions.Singleline)]
    private static partial Regex Fence();
}
