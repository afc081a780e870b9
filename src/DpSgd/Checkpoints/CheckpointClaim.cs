namespace DpSgd.Checkpoints;

/// <summary>
/// Makes a checkpoint one optimizer's alone for as long as it trains: were two to go on from it, neither's ledger would have
/// the steps of the other. The operating system lets go of it when the process ends, however it ends.
/// </summary>
internal static class CheckpointClaim
{
    /// <summary>Takes it.</summary>
    /// <param name="checkpoint">Path of the checkpoint.</param>
    /// <returns>Gives it back when disposed.</returns>
    /// <exception cref="IOException">Another optimizer has it, here or in another process; or the folder cannot be written to.</exception>
    public static IDisposable Take(string checkpoint)
    {
        var path = checkpoint + ".lock";
        try
        {
            return new FileStream(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None, bufferSize: 0, FileOptions.DeleteOnClose);
        }
        catch (IOException e) when (e is not (DirectoryNotFoundException or PathTooLongException) && File.Exists(path))
        {
            throw new IOException(
                $"{checkpoint} belongs to another optimizer, in this process or another one, that saved it or goes on from it: neither's ledger would have the " +
                "other's steps. End that process or dispose of that optimizer; to go on twice from one checkpoint, copy it together with its journal.", e);
        }
    }
}
