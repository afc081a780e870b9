using System.Text.RegularExpressions;
using System.Xml.Linq;
using DpSgd.Tests.TestKit;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;

namespace DpSgd.Tests.Documentation;

/// <summary>The drawings in docs/architecture.md have the rooms and the arrows that the code has.</summary>
public class ArchitectureTests
{
    private const string Optimizer = "Optimizer";

    private static readonly string Sources = Path.Combine(Repository.Root, "src");
    private static readonly string Page = Path.Combine(Repository.Root, "docs", "architecture.md");

    [Fact]
    public void Packages() => Drawn(0).Should().BeEquivalentTo(
        from project in Directory.EnumerateFiles(Sources, "*.csproj", SearchOption.AllDirectories)
        from reference in XDocument.Load(project).Descendants("ProjectReference")
        select (Short(project), Short(reference.Attribute("Include")!.Value)));

    [Fact]
    public void Rooms_of_DpSgd()
    {
        var files = Directory.EnumerateFiles(Path.Combine(Sources, "DpSgd"), "*.cs", SearchOption.AllDirectories)
            .Select(file => (Room: Room(file), Path: file))
            .Where(file => file.Room is not ("obj" or "bin" or "buildTransitive"))
            .Select(file => (file.Room, Root: CSharpSyntaxTree.ParseText(File.ReadAllText(file.Path)).GetRoot()))
            .ToList();
        var homes = files
            .SelectMany(file => file.Root.DescendantNodes().OfType<BaseTypeDeclarationSyntax>().Select(type => (type.Identifier.Text, file.Room)))
            .Distinct().ToLookup(type => type.Text, type => type.Room);
        var arrows = files
            .SelectMany(file => file.Root.DescendantTokens().Where(token => token.IsKind(SyntaxKind.IdentifierToken)).Select(token => token.Text).Distinct()
                .Where(name => !homes[name].Contains(file.Room))
                .SelectMany(name => homes[name]).Select(room => (From: file.Room, To: room)))
            .Where(arrow => arrow.To != Optimizer)   // the options, which everybody reads
            .Distinct();
        Drawn(1).Should().BeEquivalentTo(arrows);
    }

    [Fact]
    public void Rooms_of_Accounting()
    {
        var page = File.ReadAllText(Page);
        Directory.EnumerateDirectories(Path.Combine(Sources, "DpSgd.Accounting")).Select(Path.GetFileName).Where(room => room is not ("obj" or "bin"))
            .Should().NotBeEmpty().And.OnlyContain(room => page.Contains($"`{room}`"));
    }

    private static IEnumerable<(string From, string To)> Drawn(int drawing) => Regex
        .Matches(CodeBlocks.Of(Page, "mermaid")[drawing], @"^\s*(\w+)(?:\[.*?\])? --> (\w+)", RegexOptions.Multiline)
        .Select(match => (match.Groups[1].Value, match.Groups[2].Value));

    private static string Short(string project) => Path.GetFileNameWithoutExtension(project.Replace('\\', '/')).Replace("DpSgd.", "", StringComparison.Ordinal);

    /// <summary>The folder that a file is in; the optimizer has what is in none.</summary>
    private static string Room(string file)
    {
        var parts = Path.GetRelativePath(Path.Combine(Sources, "DpSgd"), file).Split(Path.DirectorySeparatorChar);
        return parts.Length == 1 ? Optimizer : parts[0];
    }
}
