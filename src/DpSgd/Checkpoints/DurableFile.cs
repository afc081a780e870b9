using System.Runtime.InteropServices;

namespace DpSgd.Checkpoints;

/// <summary>
/// Files that appear whole or not at all: written elsewhere, flushed to the disk, and then renamed. Whoever looks, and
/// whenever the machine stops, finds the old file or the new one.
/// </summary>
internal static partial class DurableFile
{
    /// <summary>Ending of the name under which the file before the last one is kept.</summary>
    public const string Previous = ".previous";

    /// <summary>The name of a file, whichever of the two is meant.</summary>
    public static string CurrentOf(string path) => path.EndsWith(Previous, StringComparison.Ordinal) ? path[..^Previous.Length] : path;

    /// <summary>Writes a file, and keeps the one that was there before.</summary>
    /// <param name="path">The file.</param>
    /// <param name="write">Writes its content.</param>
    public static void Write(string path, Action<FileStream> write)
    {
        var temporary = path + ".tmp";
        try
        {
            using var file = new FileStream(temporary, FileMode.Create, FileAccess.Write, FileShare.None, bufferSize: 1 << 16);
            write(file);
            file.Flush(flushToDisk: true);
        }
        catch
        {
            File.Delete(temporary);
            throw;
        }
        if (File.Exists(path))
            File.Replace(temporary, path, path + Previous);
        else
            File.Move(temporary, path);
        FlushFolder(path);
    }

    /// <summary>Renames a file that was flushed, in place of another if there is one.</summary>
    public static void Move(string temporary, string path)
    {
        File.Move(temporary, path, overwrite: true);
        FlushFolder(path);
    }

    /// <summary>The name is on the disk only when the folder is. Windows writes names in a journal of its own.</summary>
    private static void FlushFolder(string path)
    {
        if (OperatingSystem.IsWindows())
            return;
        var folder = Open(Path.GetDirectoryName(Path.GetFullPath(path))!, 0);
        if (folder < 0)
            throw new IOException($"The folder of {path} cannot be opened.", Marshal.GetLastPInvokeError());
        // Some file systems have nothing to flush and say so with an error.
        _ = Flush(folder);
        _ = Close(folder);
    }

    [LibraryImport("libc", EntryPoint = "open", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Open(string path, int flags);

    [LibraryImport("libc", EntryPoint = "fsync")]
    private static partial int Flush(int descriptor);

    [LibraryImport("libc", EntryPoint = "close")]
    private static partial int Close(int descriptor);
}
