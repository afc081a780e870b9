using System.Reflection;
using System.Runtime.Loader;
using System.Text.RegularExpressions;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;

namespace DpSgd.Tests.Documentation;

/// <summary>Finds the C# programs in a Markdown file, compiles them as a new console project would, and runs them.</summary>
internal static partial class CodeBlocks
{
    private static readonly string[] ImplicitUsings =
        ["System", "System.IO", "System.Linq", "System.Collections.Generic", "System.Net.Http", "System.Threading", "System.Threading.Tasks"];

    /// <summary>What the SDK turns off in every project: a library was built against an older framework.</summary>
    private static readonly string[] NotForUsers = ["CS1701", "CS1702"];

    /// <summary>An assembly that DpSgd shows its internals, and that is not loaded here.</summary>
    private const string FriendOfLibrary = "DpSgd.Benchmarks";

    public static IReadOnlyList<string> Of(string markdownFile, string language) =>
        All(markdownFile).Where(block => block.Language == language).Select(block => block.Code).ToList();

    /// <returns>The program as an assembly.</returns>
    public static byte[] Compile(string program, string name)
    {
        var usings = string.Concat(ImplicitUsings.Select(space => $"global using {space};\n"));
        var references = ((string)AppContext.GetData("TRUSTED_PLATFORM_ASSEMBLIES")!).Split(Path.PathSeparator)
            .Select(path => MetadataReference.CreateFromFile(path));
        var options = new CSharpParseOptions(LanguageVersion.Latest);
        var compilation = CSharpCompilation.Create(
            name,
            [CSharpSyntaxTree.ParseText(usings, options), CSharpSyntaxTree.ParseText(program, options)],
            references,
            new CSharpCompilationOptions(OutputKind.ConsoleApplication, nullableContextOptions: NullableContextOptions.Enable)
                .WithSpecificDiagnosticOptions(NotForUsers.Select(id => KeyValuePair.Create(id, ReportDiagnostic.Suppress))));
        using var image = new MemoryStream();
        var result = compilation.Emit(image);
        result.Diagnostics.Where(d => d.Severity >= DiagnosticSeverity.Warning).Select(d => d.ToString())
            .Should().BeEmpty("the documented program must compile without warnings:\n{0}", program);
        return image.ToArray();
    }

    /// <summary>All fenced blocks, in their order.</summary>
    public static IReadOnlyList<(string Language, string Code)> All(string markdownFile) => Block()
        .Matches(File.ReadAllText(markdownFile))
        .Select(match => (match.Groups["language"].Value, match.Groups["code"].Value))
        .ToList();

    /// <summary>Runs a program.</summary>
    /// <param name="program">The program.</param>
    /// <param name="insideLibrary">Whether it may use what a file of DpSgd may use.</param>
    /// <returns>What the program printed.</returns>
    public static string Run(string program, bool insideLibrary = false)
    {
        using var image = new MemoryStream(Compile(program, insideLibrary ? FriendOfLibrary : $"Documented_{Guid.NewGuid():N}"));
        // Friends have one name, so each needs a context of its own.
        var context = insideLibrary ? new AssemblyLoadContext(null) : AssemblyLoadContext.Default;
        var entry = context.LoadFromStream(image).EntryPoint!;
        var console = Console.Out;
        using var output = new StringWriter();
        Console.SetOut(output);
        try
        {
            entry.Invoke(null, BindingFlags.DoNotWrapExceptions, null, [Array.Empty<string>()], null);
        }
        finally
        {
            Console.SetOut(console);
        }
        return output.ToString();
    }

    [GeneratedRegex(@"^```(?<language>\w+)\r?\n(?<code>.*?)^```", RegexOptions.Multiline | RegexOptions.Singleline)]
    private static partial Regex Block();
}
