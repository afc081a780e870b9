using System.Text.RegularExpressions;
using DpSgd.Tests.TestKit;

namespace DpSgd.Tests.Documentation;

/// <summary>
/// The commands on the pages, in blocks and in the text, name projects, options, packages and scripts that exist. Those that
/// begin with <c>dpsgd</c> are run by the tests of the command, and the samples by theirs; the packages are made, installed
/// and used by DpSgd.Packaging.Tests.
/// </summary>
public partial class CommandsOfPagesTests
{
    /// <summary>What makes a project or a source and has nothing of ours in it.</summary>
    private static readonly string[] OfTheSdk = ["dotnet new console -o", "dotnet new nugetconfig", "dotnet nuget add source", "cd "];

    public static TheoryData<string> Commands =>
    [
        .. MarkdownPages.All.SelectMany(page => MarkdownPages.Blocks(page).Where(block => block.Language == "bash").SelectMany(block => block.Code.Split('\n'))
                .Concat(Inline().Matches(MarkdownPages.Prose(page)).Select(match => match.Groups[1].Value)))
            .Where(command => Ours().IsMatch(command)).Distinct().Order(StringComparer.Ordinal),
    ];

    /// <summary>Whether a line of a block is checked, here or by the tests of the command.</summary>
    internal static bool IsChecked(string command) =>
        command.StartsWith("dpsgd ", StringComparison.Ordinal)
        || OfTheSdk.Any(start => command.StartsWith(start, StringComparison.Ordinal))
        || Ours().IsMatch(command);

    [Fact]
    public void They_are_found() => Commands.Count.Should().BeGreaterThan(25);

    [Theory]
    [MemberData(nameof(Commands))]
    public void They_name_what_exists(string command)
    {
        var words = command.Split(' ');
        switch (words)
        {
            case ["dotnet", "run", "-c", "Release"]:
            case ["dotnet", "run", "-c", "Release", "--project", "samples/NAME"]:
                break;
            case ["dotnet", "run", "-c", "Release", "--project", var project]:
                Project(project).Should().Contain("<OutputType>Exe");
                break;
            case ["dotnet", "run", "-c", "Release", "--project", var project, "--", .. var arguments]:
                Project(project).Should().Contain("<OutputType>Exe");
                var source = Source(project);
                // Options, and the words before them; not their values.
                arguments.TakeWhile(word => char.IsLetter(word[0])).Concat(arguments.Where(word => word.StartsWith("--", StringComparison.Ordinal)))
                    .Should().NotBeEmpty().And.OnlyContain(word => source.Contains($"\"{word}\""), command);
                break;
            case ["dotnet", "test", "-c", "Release"]:
                break;
            case ["dotnet", "test", "-c", "Release", var project, .. var filter]:
                Project(project).Should().Contain("Microsoft.NET.Test.Sdk");
                if (filter is ["--filter", var tests])
                    Source(project).Should().Contain($"class {tests}\n");
                else
                    filter.Should().BeEmpty(command);
                break;
            case ["dotnet", "pack", var project, "-o", _]:
                Project(project).Should().Contain("<IsPackable>true");
                break;
            case ["dotnet", "add", "package", var package, .. var version]:
                IsAPackage(package, version).Should().BeTrue(command);
                break;
            case ["dotnet", "add", "YOUR_PROJECT", "package", var package, .. var version]:
                IsAPackage(package, version).Should().BeTrue(command);
                break;
            case ["dotnet", "tool", "install", "--global", "DpSgd.Cli", "--prerelease", ..]:
                Project("src/DpSgd.Cli").Should().Contain("<PackAsTool>true");
                break;
            case ["bash", var script, .. var options]:
                IsAScript(script, options).Should().BeTrue(command);
                break;
            case [var script, .. var options]:
                IsAScript(script, options).Should().BeTrue(command);
                break;
        }
    }

    /// <summary>One of ours is made here, in whatever version; another has the version that this project is built with.</summary>
    private static bool IsAPackage(string package, string[] version) => version switch
    {
        ["--prerelease"] => Project($"src/{package}").Contains("<IsPackable>true", StringComparison.Ordinal),
        ["--version", var number] => Directory.EnumerateFiles(Repository.Root, "Directory.Packages.props").Select(File.ReadAllText).Single()
            .Contains($"Include=\"{package}\" Version=\"{number}\"", StringComparison.Ordinal),
        _ => false,
    };

    private static bool IsAScript(string script, string[] options)
    {
        var file = Path.Combine(Repository.Root, script);
        return script.StartsWith("eng/", StringComparison.Ordinal) && File.Exists(file)
            && options.Where(option => option.StartsWith("--", StringComparison.Ordinal)).All(File.ReadAllText(file).Contains);
    }

    private static string Project(string folder) => File.ReadAllText(
        Directory.EnumerateFiles(Path.Combine(Repository.Root, folder), "*.csproj").Should().ContainSingle(folder).Subject);

    /// <summary>The code of a program, and what the samples share.</summary>
    private static string Source(string project) => string.Concat(new[] { project, "samples/Shared" }
        .SelectMany(folder => Directory.EnumerateFiles(Path.Combine(Repository.Root, folder), "*.cs", SearchOption.AllDirectories))
        .Select(file => File.ReadAllText(file).ReplaceLineEndings("\n")));

    [GeneratedRegex("`([^`\n]+)`")]
    private static partial Regex Inline();

    [GeneratedRegex("^(dotnet (run|test|pack|add|tool install) |(bash )?eng/)")]
    private static partial Regex Ours();
}
