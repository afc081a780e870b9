using DpSgd.Tests.TestKit;

namespace DpSgd.Tests.Documentation;

/// <summary>The guide to layers says nothing that was not compiled and run.</summary>
public class LayersDocTests
{
    private static readonly string Guide = Path.Combine(Repository.Root, "docs", "layers.md");

    [Theory]
    [InlineData(1, "10 steps, epsilon 3.44")]
    [InlineData(2, "1 step, 0 problems")]
    [InlineData(3, "1 step")]
    [InlineData(4, "1 step")]
    public void Its_programs_run(int block, string printed) => CodeBlocks.Run(CodeBlocks.Of(Guide, "csharp")[block]).Trim().Should().Be(printed);

    [Fact]
    public void The_fixer_prints_what_it_says()
    {
        var lines = CodeBlocks.Run(CodeBlocks.Of(Guide, "csharp")[0]).Split('\n', StringSplitOptions.RemoveEmptyEntries);
        lines.Take(3).Should().SatisfyRespectively(
            first => first.Should().StartWith("'_features.1' is a BatchNorm1d, which mixes the examples"),
            second => second.Should().StartWith("'_features.2' is a ReLU, which changes its input in place"),
            third => third.Should().StartWith("'_lstm' is a LSTM, which has trained parameters"));
        File.ReadAllText(Guide).Should().Contain(string.Join("\n", lines.Skip(3).Select(line => line.TrimEnd('\r'))));
    }

    [Fact]
    public void All_programs_are_run_here() => CodeBlocks.Of(Guide, "csharp").Should().HaveCount(5);

    [Fact]
    public void It_names_every_layer_with_a_rule()
    {
        var text = File.ReadAllText(Guide);
        new DpSgd.PerExampleGradients.LayerRules([]).Names.Split(", ").Should().OnlyContain(name => text.Contains($"`{name}`"));
    }
}
