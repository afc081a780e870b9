using System.Diagnostics;
using System.Reflection;
using DpSgd.Cli.Tests.TestKit;

namespace DpSgd.Cli.Tests;

/// <summary>The program as a script meets it.</summary>
public sealed class ChildProcessTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Answers_go_to_standard_output()
    {
        var (code, output, error) = Dpsgd.InChild($"epsilon {Dpsgd.Run} --noise-multiplier 1.3", ("LC_ALL", "de_DE.UTF-8"));
        (code, error).Should().Be((0, ""));
        output.Should().Be(Dpsgd.InProcess($"epsilon {Dpsgd.Run} --noise-multiplier 1.3").Output);
    }

    [Fact]
    public void Errors_go_to_standard_error()
    {
        Dpsgd.InChild($"epsilon {Dpsgd.Run} --noise-multiplier nothing").Should().Be(
            new Outcome(2, "", "dpsgd epsilon: --noise-multiplier must be at least 0 and finite, but it is 'nothing'.\n"));
    }

    [Fact]
    public void Plots_in_a_process_of_its_own()
    {
        var file = _folder["p.png"];
        Dpsgd.InChild($"plot {Dpsgd.Run} --noise-multiplier 1.3 --output {file}").Code.Should().Be(0);
        new FileInfo(file).Length.Should().BeGreaterThan(5_000);
    }

    [Fact]
    public void The_version_is_the_packages()
    {
        var version = typeof(CommandLine).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()!.InformationalVersion;
        Dpsgd.InChild("--version").Should().Be(new Outcome(0, version + "\n", ""));
    }

    [Fact]
    public void Only_plot_loads_what_draws()
    {
        NeededFor($"epsilon {Dpsgd.Run} --noise-multiplier 1.3").Should().Equal("DpSgd.Accounting.dll");
        NeededFor($"plot {Dpsgd.Run} --noise-multiplier 1.3 --output {_folder["p.png"]}")
            .Should().Equal("DpSgd.Accounting.dll", "ScottPlot.dll", "SkiaSharp.dll");
    }

    /// <summary>Which of these files a command fails without, in a copy of the program.</summary>
    private List<string> NeededFor(string arguments)
    {
        var copy = Directory.CreateDirectory(_folder[Guid.NewGuid().ToString("N")]).FullName;
        foreach (var file in Directory.EnumerateFiles(AppContext.BaseDirectory).Where(IsOfTheProgram))
            File.Copy(file, System.IO.Path.Combine(copy, System.IO.Path.GetFileName(file)));
        Run(copy, arguments).Should().Be(0, "nothing is missing yet");

        var needed = new List<string>();
        foreach (var name in new[] { "DpSgd.Accounting.dll", "ScottPlot.dll", "SkiaSharp.dll", "Spectre.Console.dll" })
        {
            var file = System.IO.Path.Combine(copy, name);
            File.Move(file, file + ".away");
            if (Run(copy, arguments) != 0)
                needed.Add(name);
            File.Move(file + ".away", file);
        }

        return needed;
    }

    // Without dpsgd.deps.json the runtime takes whatever is in the folder.
    private static bool IsOfTheProgram(string file)
    {
        string[] beginnings = ["dpsgd.dll", "dpsgd.runtimeconfig", "DpSgd.Accounting", "System.CommandLine", "Spectre", "ScottPlot", "SkiaSharp", "HarfBuzz", "lib", "DejaVu"];
        return beginnings.Any(beginning => System.IO.Path.GetFileName(file).StartsWith(beginning, StringComparison.Ordinal));
    }

    private static int Run(string folder, string arguments)
    {
        using var process = Process.Start(new ProcessStartInfo("dotnet", [System.IO.Path.Combine(folder, "dpsgd.dll"), .. arguments.Split(' ')])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        })!;
        var output = process.StandardOutput.ReadToEndAsync();
        process.StandardError.ReadToEnd();
        output.Wait();
        process.WaitForExit();
        return process.ExitCode;
    }
}
