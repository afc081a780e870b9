namespace DpSgd.ML.Tests.TestKit;

/// <summary>The checkout that these tests were built from.</summary>
internal static class Repository
{
    public static string Root { get; } = FindRoot();

    private static string FindRoot()
    {
        var folder = new DirectoryInfo(AppContext.BaseDirectory);
        while (!File.Exists(Path.Combine(folder.FullName, "DpSgd.sln")))
            folder = folder.Parent ?? throw new InvalidOperationException("These tests must run from within a checkout.");
        return folder.FullName;
    }
}
