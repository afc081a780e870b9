using System.Globalization;
using System.Text.RegularExpressions;
using DpSgd.ML.Tests.TestKit;
using DpSgd.Tests.Documentation;
using DpSgd.Tests.TestKit;

namespace DpSgd.ML.Tests.Documentation;

/// <summary>docs/mlnet.md says nothing that was not compiled and run.</summary>
public class MLNetGuideTests
{
    private static readonly string Guide = Path.Combine(Repository.Root, "docs", "mlnet.md");

    [Fact]
    public void One_line_trains_to_the_epsilon_that_was_asked_for()
    {
        var printed = CodeBlocks.Run(CodeBlocks.Of(Guide, "csharp")[0]);
        var numbers = Regex.Match(printed, @"epsilon = (\d\.\d\d), accuracy = (\d\.\d\d)\s+daisy");
        numbers.Success.Should().BeTrue("it printed:\n{0}", printed);
        numbers.Groups[1].Value.Should().Be("2.00");
        double.Parse(numbers.Groups[2].Value, CultureInfo.InvariantCulture).Should().BeGreaterThan(0.8, "a third would be chance");
        printed.Should().Contain("tulip ||");
    }

    [Fact]
    public void All_options_train_and_report()
    {
        var printed = CodeBlocks.Run(CodeBlocks.Of(Guide, "csharp")[1]);
        Regex.Count(printed, @"^Epoch \d+ of 10: \d+ private steps, epsilon \d\.\d{3} spent at delta 1E-06\.\r?$", RegexOptions.Multiline).Should().Be(10);
        double.Parse(Regex.Match(printed, @"R squared = (\d\.\d\d)").Groups[1].Value, CultureInfo.InvariantCulture).Should().BeGreaterThan(0.8);
        printed.Should().Contain("DP-SGD with sampling rate = 2% and noise_multiplier = 1.5 iterated over 500 steps");
    }

    [Fact]
    public void A_model_is_saved_loaded_and_exported()
    {
        var printed = CodeBlocks.Run(CodeBlocks.Of(Guide, "csharp")[2]);
        printed.ReplaceLineEndings("\n").Should().Be("Features, Label\nepsilon = 1.00\nONNX: True\n");
    }

    [Fact]
    public void What_the_package_shows_on_its_page_trains()
    {
        var printed = CodeBlocks.Run(CodeBlocks.Of(Path.Combine(Repository.Root, "src", "DpSgd.ML", "README.md"), "csharp").Should().ContainSingle().Subject);
        var accuracy = Regex.Match(printed, @"^epsilon = 1\.00, accuracy = (\d\.\d\d)\r?\nDP-SGD with sampling rate = 6\.4% ");
        accuracy.Success.Should().BeTrue("it printed:\n{0}", printed);
        double.Parse(accuracy.Groups[1].Value, CultureInfo.InvariantCulture).Should().BeGreaterThan(0.9);
    }

    [Fact]
    public void All_blocks_are_run_here() => CodeBlocks.Of(Guide, "csharp").Should().HaveCount(3);
}
