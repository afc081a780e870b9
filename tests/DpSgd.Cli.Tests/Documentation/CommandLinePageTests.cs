using System.Diagnostics;
using System.Text;
using System.Text.RegularExpressions;
using DpSgd.Cli.Tests.TestKit;
using DpSgd.Tests.TestKit;

namespace DpSgd.Cli.Tests.Documentation;

/// <summary>What the pages say of the command was run.</summary>
public sealed partial class CommandLinePageTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    public static TheoryData<string> Pages => [.. PagesWithCommands];

    /// <summary>All pages with a line that begins with the command.</summary>
    private static IEnumerable<string> PagesWithCommands => Directory.EnumerateFiles(Path.Combine(Repository.Root, "docs"), "*.md")
        .Concat(Directory.EnumerateFiles(Repository.Root, "*.md"))
        .Append(Path.Combine(Repository.Root, "src", "DpSgd.Cli", "README.md"))
        .Select(page => Path.GetRelativePath(Repository.Root, page).Replace('\\', '/'))
        .Where(page => Blocks(page).Any(block => Commands(block).Any()));

    [Fact]
    public void All_pages_with_commands_are_found() => PagesWithCommands.Should().Contain(
        ["README.md", "docs/command-line.md", "docs/concepts.md", "docs/hyperparameters.md", "src/DpSgd.Cli/README.md"]);

    [Theory]
    [MemberData(nameof(Pages))]
    public void Commands_answer_what_is_printed_below_them(string page)
    {
        var blocks = Blocks(page);
        for (var i = 0; i < blocks.Count; i++)
        {
            var answers = new StringBuilder();
            foreach (var line in Commands(blocks[i]))
            {
                var arguments = line["dpsgd ".Length..].Split(" | ")[0].Replace("--output ", $"--output {_folder.Path}/", StringComparison.Ordinal);
                var (code, output, error) = Dpsgd.InProcess(arguments);
                (code, error).Should().Be((0, ""), line);
                answers.Append(output);
            }

            if (answers.Length > 0 && i + 1 < blocks.Count && blocks[i + 1] is { Language: "text" } printed && !printed.Code.StartsWith("dpsgd", StringComparison.Ordinal))
                answers.ToString().Should().Be(printed.Code, page);
        }
    }

    [Fact]
    public void The_error_is_the_one_shown()
    {
        var shown = Blocks("docs/command-line.md").Single(block => block.Language == "text" && block.Code.StartsWith("dpsgd", StringComparison.Ordinal)).Code;
        Dpsgd.InProcess("epsilon --examples 60000 --batch-size 250 --noise-multiplier 1.3 --epochs 3 --delta 1").Error.Should().Be(shown);
    }

    /// <summary>The one of the MNIST sample aside.</summary>
    [Fact]
    public void Every_picture_is_made_by_a_command_on_its_page()
    {
        var pictures = PagesWithCommands
            .SelectMany(page => Picture().Matches(Text(page)).Select(match => (Page: page, File: match.Groups[1].Value)))
            .Where(picture => !picture.File.EndsWith("/mnist.png", StringComparison.Ordinal)).ToList();
        pictures.Should().HaveCountGreaterThan(5);
        foreach (var (page, file) in pictures)
        {
            File.Exists(Path.Combine(Repository.Root, Path.GetDirectoryName(page)!, file)).Should().BeTrue(file);
            Blocks(page).SelectMany(Commands).Should().Contain(command => command.EndsWith($"--output {Path.GetFileName(file)}", StringComparison.Ordinal), "{0} shows {1}", page, file);
        }
    }

    [Fact]
    public void Bash_completes_with_the_line_shown()
    {
        if (OperatingSystem.IsWindows())
            return; // where bash is not a matter of course
        var lines = Blocks("docs/command-line.md").Single(block => block.Code.Contains("dpsgd completion", StringComparison.Ordinal)).Code;
        Complete("dpsgd noise --ep").Should().Equal("--epochs", "--epsilon");
        Complete("dpsgd st").Should().Equal("statement", "steps");
        Complete("dpsgd epsilon --accountant p").Should().Equal("pld");

        IEnumerable<string> Complete(string typed)
        {
            var script = $$"""
                dpsgd() { dotnet '{{Path.Combine(AppContext.BaseDirectory, "dpsgd.dll")}}' "$@"; }
                {{lines}}
                COMP_LINE='{{typed}}'; COMP_POINT=${#COMP_LINE}; COMP_WORDS=($COMP_LINE); COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
                _dpsgd; printf '%s\n' "${COMPREPLY[@]}"
                """;
            using var bash = Process.Start(new ProcessStartInfo("bash", ["-c", script]) { RedirectStandardOutput = true })!;
            return bash.StandardOutput.ReadToEnd().Split('\n', StringSplitOptions.RemoveEmptyEntries);
        }
    }

    private static IEnumerable<string> Commands((string Language, string Code) block) => block.Code.Split('\n')
        .Where(line => block.Language == "bash" && line.StartsWith("dpsgd ", StringComparison.Ordinal));

    private static List<(string Language, string Code)> Blocks(string page) =>
        [.. Block().Matches(Text(page)).Select(match => (match.Groups["language"].Value, match.Groups["code"].Value))];

    private static string Text(string page) => File.ReadAllText(Path.Combine(Repository.Root, page)).ReplaceLineEndings("\n");

    [GeneratedRegex(@"^```(?<language>\w+)\n(?<code>.*?)^```", RegexOptions.Multiline | RegexOptions.Singleline)]
    private static partial Regex Block();

    [GeneratedRegex(@"!\[[^\]]+\]\(([^)]+)\)")]
    private static partial Regex Picture();
}
