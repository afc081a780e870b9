using System.Text.RegularExpressions;
using DpSgd.Tests.TestKit;

namespace DpSgd.Tests.Documentation;

/// <summary>The pages on checkpoints and the threat model say nothing that was not compiled and run.</summary>
public class DocsTests
{
    private static readonly string Docs = Path.Combine(Repository.Root, "docs");

    [Fact]
    public void The_run_with_checkpoints_spends_its_budget_in_however_many_lives()
    {
        using var folder = new TemporaryFolder();
        var program = CodeBlocks.Of(Path.Combine(Docs, "checkpoints.md"), "csharp")[0];
        program.Should().Contain("Path.GetTempPath()");
        program = program.Replace("Path.GetTempPath()", $"\"{folder.Path}\"");

        var printed = CodeBlocks.Run(program);
        printed.Should().MatchRegex(@"^20 steps, epsilon [01]\.\d\d\n40 steps, epsilon 1\.\d\d\n60 steps, epsilon 2\.00\nDP-SGD with sampling rate = 5% ");
        printed.Should().Contain("iterated over 60 steps");

        // Another life: there is nothing left to spend.
        var again = CodeBlocks.Run(program);
        again.Should().StartWith("DP-SGD with sampling rate = 5% ").And.Contain("iterated over 60 steps");
    }

    [Fact]
    public void Another_run_goes_on_with_the_ledger() =>
        CodeBlocks.Run(CodeBlocks.Of(Path.Combine(Docs, "checkpoints.md"), "csharp")[1]).Should().StartWith("spent so far: epsilon 0.00");

    [Fact]
    public void All_blocks_of_these_pages_are_run_here()
    {
        CodeBlocks.Of(Path.Combine(Docs, "checkpoints.md"), "csharp").Should().HaveCount(2);
        CodeBlocks.Of(Path.Combine(Docs, "threat-model.md"), "csharp").Should().BeEmpty();
    }

    [Theory]
    [InlineData("checkpoints.md")]
    [InlineData("threat-model.md")]
    public void What_they_name_in_code_exists(string page)
    {
        var sources = string.Concat(Directory.EnumerateFiles(Path.Combine(Repository.Root, "src"), "*.cs", SearchOption.AllDirectories)
            .Where(file => !file.Contains($"{Path.DirectorySeparatorChar}obj{Path.DirectorySeparatorChar}")).Select(File.ReadAllText));
        var text = Regex.Replace(File.ReadAllText(Path.Combine(Docs, page)), "^```.*?^```", "", RegexOptions.Multiline | RegexOptions.Singleline);
        var names = Regex.Matches(text, "`([A-Z][A-Za-z]+)`").Select(match => match.Groups[1].Value).Distinct().ToList();
        names.Should().NotBeEmpty();
        names.Should().OnlyContain(name => sources.Contains(name));
    }
}
