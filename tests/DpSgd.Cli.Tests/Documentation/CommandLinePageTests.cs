using System.Diagnostics;
using System.Text.RegularExpressions;
using DpSgd.Cli.Tests.TestKit;
using DpSgd.Tests.TestKit;

namespace DpSgd.Cli.Tests.Documentation;

/// <summary>The pages about the command say nothing that was not run.</summary>
public sealed partial class CommandLinePageTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("docs/command-line.md", 9)]
    [InlineData("src/DpSgd.Cli/README.md", 1)]
    public void Commands_answer_what_is_printed_below_them(string page, int commands)
    {
        var blocks = Blocks(page);
        var run = 0;
        for (var i = 0; i < blocks.Count; i++)
        {
            foreach (var line in blocks[i].Code.Split('\n').Where(line => blocks[i].Language == "bash" && line.StartsWith("dpsgd ", StringComparison.Ordinal)))
            {
                var arguments = line["dpsgd ".Length..].Split(" | ")[0].Replace("--output ", $"--output {_folder.Path}/", StringComparison.Ordinal);
                var (code, output, error) = Dpsgd.InProcess(arguments);
                (code, error).Should().Be((0, ""), line);
                if (i + 1 < blocks.Count && blocks[i + 1] is { Language: "text" } printed && !printed.Code.StartsWith("dpsgd", StringComparison.Ordinal))
                    output.Should().Be(printed.Code);
                run++;
            }
        }

        run.Should().Be(commands);
    }

    [Fact]
    public void The_error_is_the_one_shown()
    {
        var shown = Blocks("docs/command-line.md").Single(block => block.Language == "text" && block.Code.StartsWith("dpsgd", StringComparison.Ordinal)).Code;
        Dpsgd.InProcess("epsilon --examples 60000 --batch-size 250 --noise-multiplier 1.3 --epochs 3 --delta 1").Error.Should().Be(shown);
    }

    [Fact]
    public void Its_pictures_are_there() =>
        Picture().Matches(Text("docs/command-line.md")).Select(match => Path.Combine(Repository.Root, "docs", match.Groups[1].Value))
            .Should().HaveCount(3).And.OnlyContain(file => File.Exists(file));

    [Fact]
    public void Bash_completes_with_the_lines_shown()
    {
        if (OperatingSystem.IsWindows())
            return; // there the page shows PowerShell
        var lines = Blocks("docs/command-line.md").Single(block => block.Code.StartsWith("_dpsgd()", StringComparison.Ordinal)).Code;
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

    private static List<(string Language, string Code)> Blocks(string page) =>
        [.. Block().Matches(Text(page)).Select(match => (match.Groups["language"].Value, match.Groups["code"].Value))];

    private static string Text(string page) => File.ReadAllText(Path.Combine(Repository.Root, page)).ReplaceLineEndings("\n");

    [GeneratedRegex(@"^```(?<language>\w+)\n(?<code>.*?)^```", RegexOptions.Multiline | RegexOptions.Singleline)]
    private static partial Regex Block();

    [GeneratedRegex(@"!\[[^\]]+\]\(([^)]+)\)")]
    private static partial Regex Picture();
}
