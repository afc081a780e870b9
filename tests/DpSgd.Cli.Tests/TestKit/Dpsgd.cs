using System.Diagnostics;
using System.Text.Json;

namespace DpSgd.Cli.Tests.TestKit;

/// <summary>What a run of the command left behind.</summary>
internal sealed record Outcome(int Code, string Output, string Error)
{
    public IReadOnlyList<string> Lines => Output.TrimEnd('\n').Split('\n');

    public JsonElement Json => JsonDocument.Parse(Output).RootElement;
}

/// <summary>Runs the command.</summary>
internal static class Dpsgd
{
    /// <summary>The tutorial's run but for its noise.</summary>
    public const string Run = "--examples 60000 --batch-size 250 --epochs 3 --delta 1e-5";

    /// <summary>In this process.</summary>
    public static Outcome InProcess(string arguments)
    {
        var (output, error) = (new StringWriter { NewLine = "\n" }, new StringWriter { NewLine = "\n" });
        var code = CommandLine.Invoke(Split(arguments), output, error);
        return new(code, output.ToString(), error.ToString());
    }

    /// <summary>As a program of its own.</summary>
    public static Outcome InChild(string arguments, params (string Name, string Value)[] environment)
    {
        var start = new ProcessStartInfo("dotnet", [Path.Combine(AppContext.BaseDirectory, "dpsgd.dll"), .. Split(arguments)])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        foreach (var (name, value) in environment)
            start.Environment[name] = value;
        using var process = Process.Start(start)!;
        var error = process.StandardError.ReadToEndAsync();
        var output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return new(process.ExitCode, output.ReplaceLineEndings("\n"), error.Result.ReplaceLineEndings("\n"));
    }

    private static string[] Split(string arguments) => arguments.Split(' ', StringSplitOptions.RemoveEmptyEntries);
}
