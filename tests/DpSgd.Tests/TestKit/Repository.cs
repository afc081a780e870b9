using System.Diagnostics;

namespace DpSgd.Tests.TestKit;

/// <summary>The checkout that these tests were built from, and programs run in it.</summary>
internal static class Repository
{
    public static string Root { get; } = FindRoot();

    /// <summary>Runs a program to its end and returns what it printed; fails the test if it fails.</summary>
    public static string Run(string folder, string program, params string[] arguments) => RunWith([], folder, program, arguments);

    /// <summary>The same with environment variables set.</summary>
    public static string RunWith(IEnumerable<(string Name, string Value)> variables, string folder, string program, params string[] arguments)
    {
        var start = new ProcessStartInfo(program, arguments)
        {
            WorkingDirectory = folder,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        // What the test host was started with must not steer the programs that it starts.
        foreach (var name in start.Environment.Keys.Where(k => k.StartsWith("MSBUILD", StringComparison.OrdinalIgnoreCase)).ToList())
            start.Environment.Remove(name);
        start.Environment["MSBUILDDISABLENODEREUSE"] = "1";
        foreach (var (name, value) in variables)
            start.Environment[name] = value;
        using var process = Process.Start(start)!;
        var errors = process.StandardError.ReadToEndAsync();
        var output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        process.ExitCode.Should().Be(0, $"'{program} {string.Join(' ', arguments)}' printed:\n{output}\n{errors.Result}");
        return output;
    }

    private static string FindRoot()
    {
        var folder = new DirectoryInfo(AppContext.BaseDirectory);
        while (!File.Exists(Path.Combine(folder.FullName, "DpSgd.sln")))
            folder = folder.Parent ?? throw new InvalidOperationException("These tests must run from within a checkout.");
        return folder.FullName;
    }
}
