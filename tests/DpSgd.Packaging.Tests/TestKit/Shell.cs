using System.Diagnostics;
using System.Runtime.InteropServices;

namespace DpSgd.Packaging.Tests.TestKit;

/// <summary>Runs programs in a folder, with a package cache of their own.</summary>
internal sealed class Shell(string folder, string packageCache)
{
    /// <summary>Runs a program to its end and returns what it printed; fails the test if it fails.</summary>
    public string Run(string program, params string[] arguments)
    {
        var start = new ProcessStartInfo(program, arguments)
        {
            WorkingDirectory = folder,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        // What the test host was started with must not steer the programs that it starts.
        foreach (var name in start.Environment.Keys.Where(key => key.StartsWith("MSBUILD", StringComparison.OrdinalIgnoreCase)).ToList())
            start.Environment.Remove(name);
        start.Environment["MSBUILDDISABLENODEREUSE"] = "1";
        start.Environment["DOTNET_CLI_UI_LANGUAGE"] = "en";
        start.Environment["DOTNET_ROOT"] = Path.GetFullPath(Path.Combine(RuntimeEnvironment.GetRuntimeDirectory(), "..", "..", ".."));
        start.Environment["NUGET_PACKAGES"] = packageCache;
        // libtorch is half a gigabyte.
        start.Environment["CreateHardLinksForCopyFilesToOutputDirectoryIfPossible"] = "true";
        using var process = Process.Start(start)!;
        var errors = process.StandardError.ReadToEndAsync();
        var output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        process.ExitCode.Should().Be(0, $"'{program} {string.Join(' ', arguments)}' printed:\n{output}\n{errors.Result}");
        return output.ReplaceLineEndings("\n");
    }
}
