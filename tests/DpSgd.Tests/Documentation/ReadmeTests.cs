using System.Globalization;
using DpSgd.Accounting;
using DpSgd.Tests.TestKit;

namespace DpSgd.Tests.Documentation;

/// <summary>README says nothing that was not compiled and run.</summary>
public class ReadmeTests
{
    private static readonly string Readme = Path.Combine(Repository.Root, "README.md");

    [Fact]
    public void The_loop_trains_and_prints_epsilon()
    {
        // 24 Poisson steps at rate 250 / 6000; the number is checked against the accountant elsewhere.
        var printed = CodeBlocks.Run(CodeBlocks.Of(Readme, "csharp")[0]);
        printed.Should().StartWith("epsilon = 1.247");
        // What it says of ten times as many images:
        var more = new RdpAccountant();
        more.Compose(new PoissonSampledDpEvent(250.0 / 60_000, new GaussianDpEvent(1.3)), 24);
        File.ReadAllText(Readme).Should().Contain(string.Create(CultureInfo.InvariantCulture, $"it would be {more.GetEpsilon(1e-5):F3} after as many steps"));
    }

    [Fact]
    public void The_accountant_prints_the_tutorials_figures()
    {
        var printed = CodeBlocks.Run(CodeBlocks.Of(Readme, "csharp")[1]);
        printed.Should().StartWith("epsilon = 0.563 at order 18").And.Contain("epsilon = 0.563, delta at epsilon 1 = ");
        printed.Should().Contain("DP-SGD with sampling rate = 0.417% and noise_multiplier = 1.3 iterated over 720 steps");
    }

    [Fact]
    public void All_blocks_are_run_here() => CodeBlocks.Of(Readme, "csharp").Should().HaveCount(2);

    /// <summary>The continuous integration runs the same test command.</summary>
    [Fact]
    public void It_tests_as_the_continuous_integration_does() => CodeBlocks.Of(Readme, "bash").SelectMany(block => block.Split('\n'))
        .Where(command => command.StartsWith("dotnet test")).Should().ContainSingle()
        .Which.Should().Match(test => File.ReadAllText(Path.Combine(Repository.Root, ".ci", "run")).Contains(test));

    /// <summary>The trainer for ML.NET that it shows is that of the guide's first program, which MLNetGuideTests runs.</summary>
    [Fact]
    public void Its_trainer_is_that_of_the_guide()
    {
        const string trainer = "mlContext.DpSgd().MulticlassClassification(targetEpsilon: 2, delta: 1e-5)";
        File.ReadAllText(Readme).Should().Contain(trainer);
        MarkdownPages.Blocks("docs/mlnet.md").First(block => block.Language == "csharp").Code.Should().Contain(trainer);
    }
}
