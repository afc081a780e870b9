namespace DpSgd.Packaging.Tests.TestKit;

/// <summary>The checkout that these tests were built from.</summary>
internal static class Repository
{
#if DEBUG
    public const string Configuration = "Debug";
#else
    public const string Configuration = "Release";
#endif

    public static string Root { get; } = FindRoot();

    /// <summary>The projects that are packages, and the names of their packages.</summary>
    public static IReadOnlyList<(string Project, string Package)> Packages { get; } =
    [
        .. from project in Directory.EnumerateFiles(Path.Combine(Root, "src"), "*.csproj", SearchOption.AllDirectories)
           where File.ReadAllText(project).Contains("<IsPackable>true", StringComparison.Ordinal)
           select (project, Path.GetFileNameWithoutExtension(project)),
    ];

    private static string FindRoot()
    {
        var folder = new DirectoryInfo(AppContext.BaseDirectory);
        while (!File.Exists(Path.Combine(folder.FullName, "DpSgd.sln")))
            folder = folder.Parent ?? throw new InvalidOperationException("These tests must run from within a checkout.");
        return folder.FullName;
    }
}
