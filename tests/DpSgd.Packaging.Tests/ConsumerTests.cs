using System.Text.RegularExpressions;
using DpSgd.Packaging.Tests.TestKit;
using DpSgd.Tests.TestKit;

namespace DpSgd.Packaging.Tests;

/// <summary>A stranger with an empty folder and the packages.</summary>
[Collection(nameof(LocalFeed))]
public partial class ConsumerTests(LocalFeed feed)
{
    [Fact]
    public void Readmes_loop_trains_in_a_new_project_and_prints_epsilon()
    {
        feed.Shell.Run("dotnet", "new", "console", "--output", ".", "--name", "Stranger");
        feed.Shell.Run("dotnet", "add", "package", "DpSgd", "--version", LocalFeed.Version);
        feed.Shell.Run("dotnet", "add", "package", "TorchSharp-cpu", "--version", TorchSharpVersion());
        File.WriteAllText(
            Path.Combine(feed.Work, "Program.cs"),
            CSharpBlock().Match(File.ReadAllText(Path.Combine(Repository.Root, "README.md"))).Groups["code"].Value);

        feed.Shell.Run("dotnet", "run", "-c", "Release").Should().StartWith("epsilon = 1.247");
    }

    [Fact]
    public void The_command_installs_and_answers()
    {
        var tools = Path.Combine(feed.Work, "..", "tools");
        feed.Shell.Run("dotnet", "tool", "install", "DpSgd.Cli", "--version", LocalFeed.Version, "--tool-path", tools);

        var dpsgd = Path.Combine(tools, OperatingSystem.IsWindows() ? "dpsgd.exe" : "dpsgd");
        feed.Shell.Run(dpsgd, "epsilon", "--examples", "60000", "--batch-size", "250", "--noise-multiplier", "1.3", "--epochs", "3", "--delta", "1e-5")
            .Should().StartWith(
                "DP-SGD with sampling rate = 0.417% and noise_multiplier = 1.3 iterated over 720 steps satisfies differential privacy with eps = 0.563 and delta = 1e-05.\n"
                + "The optimal RDP order is 18.0.\n");

        var picture = Path.Combine(feed.Work, "epsilon.png");
        feed.Shell.Run(dpsgd, "plot", "--examples", "60000", "--batch-size", "250", "--noise-multiplier", "1.3", "--epochs", "3", "--delta", "1e-5", "--output", picture);
        new FileInfo(picture).Length.Should().BeGreaterThan(5_000);
    }

    private static string TorchSharpVersion() => Regex.Match(
        File.ReadAllText(Path.Combine(Repository.Root, "Directory.Packages.props")), "Include=\"TorchSharp\" Version=\"([^\"]+)\"").Groups[1].Value;

    [GeneratedRegex(@"^```csharp\r?\n(?<code>.*?)^```", RegexOptions.Multiline | RegexOptions.Singleline)]
    private static partial Regex CSharpBlock();
}
