using DpSgd.Tests.TestKit;

namespace DpSgd.Tests.Documentation;

/// <summary>What a package shows on its page was compiled and run.</summary>
public class PackageReadmesTests
{
    [Theory]
    [InlineData("DpSgd", new[] { "epsilon = 3.00" })]
    [InlineData("DpSgd.Accounting", new[] { "epsilon = 0.563 at order 18", "epsilon = 0.370", "noise multiplier = 1.011" })]
    public void Its_program_prints_what_it_says(string package, string[] lines)
    {
        var readme = Path.Combine(Repository.Root, "src", package, "README.md");
        var program = CodeBlocks.Of(readme, "csharp").Should().ContainSingle().Subject;
        CodeBlocks.Run(program).ReplaceLineEndings("\n").TrimEnd().Split('\n').Should().Equal(lines);
        File.ReadAllText(readme).Should().ContainAll(lines.Select(line => $"`{line}`"));
    }
}
