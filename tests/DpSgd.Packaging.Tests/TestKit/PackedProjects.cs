using DpSgd.Tests.TestKit;

namespace DpSgd.Packaging.Tests.TestKit;

/// <summary>The projects of this checkout that are packages.</summary>
internal static class PackedProjects
{
#if DEBUG
    public const string Configuration = "Debug";
#else
    public const string Configuration = "Release";
#endif

    /// <summary>The projects that are packages, and the names of their packages.</summary>
    public static IReadOnlyList<(string Project, string Package)> All { get; } =
    [
        .. from project in Directory.EnumerateFiles(Path.Combine(Repository.Root, "src"), "*.csproj", SearchOption.AllDirectories)
           where File.ReadAllText(project).Contains("<IsPackable>true", StringComparison.Ordinal)
           select (project, Path.GetFileNameWithoutExtension(project)),
    ];
}
