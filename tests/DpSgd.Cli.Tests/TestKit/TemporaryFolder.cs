namespace DpSgd.Cli.Tests.TestKit;

/// <summary>A folder for one test.</summary>
internal sealed class TemporaryFolder : IDisposable
{
    public string Path { get; } = Directory.CreateTempSubdirectory("dpsgd-cli-").FullName;

    public string this[string name] => System.IO.Path.Combine(Path, name);

    public IEnumerable<string> Files => Directory.EnumerateFileSystemEntries(Path);

    public void Dispose() => Directory.Delete(Path, recursive: true);
}
