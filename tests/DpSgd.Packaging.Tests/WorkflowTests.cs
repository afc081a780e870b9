using System.Text.RegularExpressions;
using DpSgd.Packaging.Tests.TestKit;
using DpSgd.Tests.TestKit;

namespace DpSgd.Packaging.Tests;

/// <summary>What can be said of the workflows without running them.</summary>
public partial class WorkflowTests
{
    public static TheoryData<string> Workflows =>
        [.. Directory.EnumerateFiles(Path.Combine(Repository.Root, ".github", "workflows"), "*.yml").Select(file => Path.GetFileName(file))];

    [Theory]
    [MemberData(nameof(Workflows))]
    public void Actions_are_pinned_and_may_only_read(string workflow)
    {
        var text = Text(workflow);
        Uses().Matches(text).Select(match => match.Groups[1].Value).Should().NotBeEmpty()
            .And.OnlyContain(action => Pinned().IsMatch(action));
        text.Should().Contain("\npermissions:\n  contents: read\n").And.NotContain("write-all").And.NotContain("pull_request_target");
        // What comes from outside is never pasted into a script.
        text.Should().NotMatchRegex(@"run:.*\$\{\{");
    }

    [Theory]
    [MemberData(nameof(Workflows))]
    public void Scripts_that_it_runs_exist(string workflow)
    {
        var scripts = Script().Matches(Text(workflow)).Select(match => match.Groups[1].Value).Distinct().ToList();
        scripts.Should().NotBeEmpty();
        foreach (var script in scripts)
        {
            var file = Path.Combine(Repository.Root, "eng", script);
            File.Exists(file).Should().BeTrue(script);
            if (!OperatingSystem.IsWindows())
                File.GetUnixFileMode(file).Should().HaveFlag(UnixFileMode.UserExecute, script);
        }
    }

    private static string Text(string workflow) =>
        File.ReadAllText(Path.Combine(Repository.Root, ".github", "workflows", workflow)).ReplaceLineEndings("\n");

    [GeneratedRegex(@"uses: (\S.*)$", RegexOptions.Multiline)]
    private static partial Regex Uses();

    [GeneratedRegex(@"^[\w-]+/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$")]
    private static partial Regex Pinned();

    [GeneratedRegex(@"run: eng/([\w-]+)")]
    private static partial Regex Script();
}
