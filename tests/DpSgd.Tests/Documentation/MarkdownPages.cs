using System.Text.RegularExpressions;
using DpSgd.Tests.TestKit;

namespace DpSgd.Tests.Documentation;

/// <summary>All pages that a reader of the repository or of a package sees, and their fenced blocks.</summary>
internal static partial class MarkdownPages
{
    /// <summary>Paths from the root, with slashes.</summary>
    public static IReadOnlyList<string> All { get; } =
    [
        .. Directory.EnumerateFiles(Repository.Root, "*.md")
            .Concat(new[] { ".github", "docs", "samples", "src" }
                .SelectMany(folder => Directory.EnumerateFiles(Path.Combine(Repository.Root, folder), "*.md", SearchOption.AllDirectories)))
            .Select(page => Path.GetRelativePath(Repository.Root, page).Replace('\\', '/'))
            .Where(page => !page.Contains("/bin/", StringComparison.Ordinal) && !page.Contains("/obj/", StringComparison.Ordinal))
            .Order(StringComparer.Ordinal),
    ];

    public static string Text(string page) => File.ReadAllText(Path.Combine(Repository.Root, page)).ReplaceLineEndings("\n");

    /// <summary>The fenced blocks, also those without a language and those that are indented.</summary>
    public static IReadOnlyList<(string Language, string Code)> Blocks(string page) =>
        [.. Block().Matches(Text(page)).Select(match => (match.Groups["language"].Value, match.Groups["code"].Value))];

    /// <summary>What is left without the fenced blocks.</summary>
    public static string Prose(string page) => Block().Replace(Text(page), "");

    [GeneratedRegex(@"^[ \t]*(?<fence>```+|~~~+)(?<language>[^\n]*)\n(?<code>.*?)^[ \t]*\k<fence>[ \t]*$", RegexOptions.Multiline | RegexOptions.Singleline)]
    private static partial Regex Block();
}
