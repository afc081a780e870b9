using System.Reflection;
using DpSgd.Tests.TestKit;

namespace DpSgd.Accounting.Tests.AheadOfTime;

/// <summary>
/// Publishes a program that roots the whole library, with every warning of the trimmer and of the compiler an error, runs it,
/// and compares its numbers with those that the same program prints here. Ahead of time where there is a linker, and
/// trimmed alone where there is none.
/// </summary>
[Collection("Console")]
public sealed class PublishedProgramTests : IDisposable
{
    private const string Program = "DpSgd.Accounting.AotProof";

    private readonly string _folder = Directory.CreateTempSubdirectory("dpsgd-aot").FullName;

    [Fact]
    public void Prints_the_same_numbers()
    {
        var proof = OperatingSystem.IsLinux() && (IsOnPath("clang") || IsOnPath("gcc")) ? "aot" : "trimmed";
        var log = Repository.Run(
            Repository.Root, "dotnet", "publish", $"tests/{Program}", "-c", "Release", "--use-current-runtime", "--self-contained",
            $"-p:Proof={proof}", "--artifacts-path", Path.Combine(_folder, "artifacts"), "-o", Path.Combine(_folder, "published"), "--nologo");
        log.Should().NotContain("warning");

        var published = Lines(Repository.Run(_folder, Path.Combine(_folder, "published", Program + (OperatingSystem.IsWindows() ? ".exe" : ""))));
        var here = Lines(RunHere());
        published[^1].Should().Be(proof == "aot" ? "compiled ahead of time" : "compiled just in time");
        published.Should().HaveSameCount(here).And.HaveCountGreaterThan(15);
        foreach (var (ours, theirs) in published[..^1].Zip(here))
        {
            // Another compiler may fuse other multiplications and additions.
            if (ours.Split(" = ") is [var name, var number] && double.TryParse(number, out var value) && theirs.StartsWith(name, StringComparison.Ordinal))
                value.Should().BeRelativelyClose(theirs.Split(" = ")[1], 1e-12);
            else
                ours.Should().Be(theirs);
        }
    }

    /// <inheritdoc/>
    public void Dispose() => Directory.Delete(_folder, recursive: true);

    private static string RunHere()
    {
        var console = Console.Out;
        using var output = new StringWriter();
        Console.SetOut(output);
        try
        {
            Assembly.Load(Program).EntryPoint!.Invoke(null, [Array.Empty<string>()]);
        }
        finally
        {
            Console.SetOut(console);
        }

        return output.ToString();
    }

    private static string[] Lines(string text) => text.Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);

    private static bool IsOnPath(string program) => (Environment.GetEnvironmentVariable("PATH") ?? "")
        .Split(Path.PathSeparator).Any(folder => File.Exists(Path.Combine(folder, program)));
}
