using DpSgd.Tests.TestKit;

namespace DpSgd.Packaging.Tests.TestKit;

/// <summary>
/// All packages, packed from what was built, in a folder of its own; and beside it a folder where a stranger works, whose
/// NuGet sources are the feed and whatever this machine has. Packages of this machine's cache are used where they lie,
/// others go into a cache that is thrown away: the user's own never sees a version that was only made for a test.
/// </summary>
public sealed class LocalFeed : IDisposable
{
    public const string Version = "0.0.0-consumed.1";

    private readonly string _root = Directory.CreateTempSubdirectory("dpsgd-packed-").FullName;

    public LocalFeed()
    {
        Directory.CreateDirectory(Work);
        var cache = Environment.GetEnvironmentVariable("NUGET_PACKAGES")
            ?? Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), ".nuget", "packages");
        File.WriteAllText(Path.Combine(_root, "nuget.config"), $"""
            <configuration>
              <packageSources>
                <add key="packed" value="{Feed}" />
              </packageSources>
              <fallbackPackageFolders>
                <add key="user" value="{cache}" />
              </fallbackPackageFolders>
            </configuration>
            """);
        Shell = new Shell(Work, Path.Combine(_root, "cache"));
        var packing = new Shell(Repository.Root, cache);
        foreach (var (project, _) in PackedProjects.All)
        {
            packing.Run(
                "dotnet", "pack", project, "--no-build", "-c", PackedProjects.Configuration, "-o", Feed, $"-p:MinVerVersionOverride={Version}")
                .Should().NotContain("warning").And.NotContain("missing a readme");
        }
    }

    /// <summary>Runs programs where the stranger works.</summary>
    internal Shell Shell { get; }

    public string Feed => Path.Combine(_root, "feed");

    public string Work => Path.Combine(_root, "work");

    public void Dispose() => Directory.Delete(_root, recursive: true);
}

/// <summary>Packing takes a while: all tests share the feed.</summary>
[CollectionDefinition(nameof(LocalFeed))]
public sealed class LocalFeedCollection : ICollectionFixture<LocalFeed>;
