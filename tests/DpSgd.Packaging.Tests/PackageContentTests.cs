using System.IO.Compression;
using System.Xml.Linq;
using DpSgd.Packaging.Tests.TestKit;
using DpSgd.Tests.TestKit;

namespace DpSgd.Packaging.Tests;

/// <summary>What is in the packages.</summary>
[Collection(nameof(LocalFeed))]
public class PackageContentTests(LocalFeed feed)
{
    [Fact]
    public void Every_package_says_what_it_is()
    {
        PackedProjects.All.Select(package => package.Package).Should().Contain(["DpSgd", "DpSgd.Accounting", "DpSgd.Cli"]);
        foreach (var (_, package) in PackedProjects.All)
        {
            using var zip = Open(package);
            var metadata = Metadata(zip);
            metadata["version"].Should().Be(LocalFeed.Version);
            metadata["license"].Should().Be("MIT");
            metadata["icon"].Should().Be("icon.png");
            metadata["readme"].Should().Be("README.md");
            metadata["authors"].Should().NotBeEmpty();
            metadata["description"].Should().NotBeEmpty().And.NotBe("Package Description");
            metadata["tags"].Should().Contain("differential-privacy");
            Names(zip).Should().Contain(["README.md", "icon.png"], package);
            using var readme = new StreamReader(zip.GetEntry("README.md")!.Open());
            // On a package's page a link to a file of the repository leads nowhere.
            readme.ReadToEnd().Should().StartWith($"# {(package == "DpSgd.Cli" ? "dpsgd" : package)}").And.NotMatchRegex(@"\]\((?!https://)");
        }
    }

    [Fact]
    public void Libraries_come_with_documentation_and_symbols()
    {
        foreach (var (_, package) in PackedProjects.All.Where(package => package.Package != "DpSgd.Cli"))
        {
            using var zip = Open(package);
            Names(zip).Should().Contain([$"lib/net10.0/{package}.dll", $"lib/net10.0/{package}.xml"]);
            using var symbols = ZipFile.OpenRead(Path.Combine(feed.Feed, $"{package}.{LocalFeed.Version}.snupkg"));
            Names(symbols).Should().Contain($"lib/net10.0/{package}.pdb");
        }
    }

    [Fact]
    public void The_step_that_makes_TorchSharp_loadable_is_carried_along()
    {
        using var zip = Open("DpSgd");
        Names(zip).Should().Contain(Directory
            .EnumerateFiles(Path.Combine(Repository.Root, "src", "DpSgd", "buildTransitive"))
            .Select(file => $"buildTransitive/{Path.GetFileName(file)}"));
    }

    [Fact]
    public void The_libraries_ask_for_no_backend_and_the_command_for_nothing()
    {
        Dependencies("DpSgd.Accounting").Should().BeEmpty();
        Dependencies("DpSgd").Should().BeEquivalentTo("DpSgd.Accounting", "TorchSharp");
        Dependencies("DpSgd.Cli").Should().BeEmpty();

        IEnumerable<string> Dependencies(string package)
        {
            using var zip = Open(package);
            return [.. Nuspec(zip).Descendants().Where(e => e.Name.LocalName == "dependency").Select(e => e.Attribute("id")!.Value)];
        }
    }

    private ZipArchive Open(string package) => ZipFile.OpenRead(Path.Combine(feed.Feed, $"{package}.{LocalFeed.Version}.nupkg"));

    private static IEnumerable<string> Names(ZipArchive zip) => zip.Entries.Select(entry => entry.FullName);

    private static Dictionary<string, string> Metadata(ZipArchive zip) =>
        Nuspec(zip).Descendants().Where(e => !e.HasElements).GroupBy(e => e.Name.LocalName).ToDictionary(group => group.Key, group => group.First().Value);

    private static XElement Nuspec(ZipArchive zip)
    {
        using var stream = zip.Entries.Single(entry => entry.FullName.EndsWith(".nuspec", StringComparison.Ordinal)).Open();
        return XElement.Load(stream);
    }
}
