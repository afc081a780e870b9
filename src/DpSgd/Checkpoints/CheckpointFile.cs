using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using static TorchSharp.torch;

namespace DpSgd.Checkpoints;

/// <summary>
/// The file: eight letters that say what it is, the version of the format, the length of the header, the header as JSON, the
/// values of the tensors, and the SHA-256 of all that. Numbers are little-endian.
/// </summary>
internal static class CheckpointFile
{
    private const int Version = 1;
    private const int ChecksumLength = SHA256.HashSizeInBytes;
    private const int PrefixLength = 8 + sizeof(int) + sizeof(long);
    private const int BufferSize = 1 << 16;

    private static readonly byte[] Letters = "DPSGDCKP"u8.ToArray();

    /// <summary>Writes a checkpoint in place of an older one, which is kept.</summary>
    /// <param name="path">The file.</param>
    /// <param name="header">What is in it.</param>
    /// <param name="tensors">The tensors that the header names.</param>
    public static void Write(string path, CheckpointHeader header, IReadOnlyList<Tensor> tensors) => DurableFile.Write(path, file =>
    {
        using var sha = SHA256.Create();
        using (var hashed = new CryptoStream(file, sha, CryptoStreamMode.Write, leaveOpen: true))
        {
            using var writer = new BinaryWriter(hashed, Encoding.UTF8, leaveOpen: true);
            var json = JsonSerializer.SerializeToUtf8Bytes(header, CheckpointJson.Default.CheckpointHeader);
            writer.Write(Letters);
            writer.Write(Version);
            writer.Write(json.LongLength);
            writer.Write(json);
            writer.Flush();
            foreach (var tensor in tensors.Where(t => t.numel() > 0))
            {
                using var scope = NewDisposeScope();
                tensor.detach().cpu().contiguous().WriteBytesToStream(hashed, BufferSize);
            }
        }
        file.Write(sha.Hash!);
    });

    /// <summary>Reads a checkpoint, all of which was verified first.</summary>
    /// <param name="path">The file.</param>
    /// <param name="accept">Looks at the header before the tensors are read, and throws if it is not what it should be.</param>
    /// <returns>The header, and new tensors on the CPU, in the caller's dispose scope.</returns>
    /// <exception cref="InvalidDataException">The file is not a checkpoint, is damaged, or of another version.</exception>
    public static (CheckpointHeader Header, IReadOnlyList<Tensor> Tensors) Read(string path, Action<CheckpointHeader> accept)
    {
        using var file = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read | FileShare.Delete, BufferSize);
        RefuseOtherFiles(path, file);
        RefuseDamage(path, file);
        file.Position = PrefixLength - sizeof(long);
        using var reader = new BinaryReader(file, Encoding.UTF8, leaveOpen: true);
        var header = Header(path, reader);
        accept(header);
        var tensors = new List<Tensor>();
        foreach (var entry in header.Tensors)
        {
            var tensor = empty(entry.Shape, dtype: entry.Type);
            tensors.Add(tensor);
            if (tensor.numel() > 0)
                tensor.ReadBytesFromStream(file, BufferSize);
        }
        return file.Position == file.Length - ChecksumLength ? (header, tensors) : throw Damaged(path);
    }

    private static void RefuseOtherFiles(string path, FileStream file)
    {
        Span<byte> prefix = stackalloc byte[Letters.Length + sizeof(int)];
        if (file.Length < PrefixLength + ChecksumLength || file.ReadAtLeast(prefix, prefix.Length, throwOnEndOfStream: false) < prefix.Length ||
            !prefix[..Letters.Length].SequenceEqual(Letters))
        {
            throw new InvalidDataException($"{path} is not a checkpoint, or only the beginning of one. Nothing was loaded.{OrThePrevious(path)}");
        }
        var version = System.Buffers.Binary.BinaryPrimitives.ReadInt32LittleEndian(prefix[Letters.Length..]);
        if (version != Version)
            throw new InvalidDataException($"{path} was written in version {version} of the format, but this library reads version {Version}. Nothing was loaded.");
    }

    private static void RefuseDamage(string path, FileStream file)
    {
        file.Position = 0;
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        var buffer = new byte[BufferSize];
        for (var left = file.Length - ChecksumLength; left > 0;)
        {
            var count = file.Read(buffer, 0, (int)Math.Min(left, buffer.Length));
            if (count == 0)
                throw Damaged(path);
            hash.AppendData(buffer, 0, count);
            left -= count;
        }
        var expected = new byte[ChecksumLength];
        file.ReadExactly(expected);
        if (!hash.GetHashAndReset().AsSpan().SequenceEqual(expected))
            throw Damaged(path);
    }

    private static CheckpointHeader Header(string path, BinaryReader reader)
    {
        var length = reader.ReadInt64();
        if (length < 0 || length > reader.BaseStream.Length - PrefixLength - ChecksumLength)
            throw Damaged(path);
        try
        {
            return JsonSerializer.Deserialize(reader.ReadBytes((int)length), CheckpointJson.Default.CheckpointHeader) ?? throw Damaged(path);
        }
        catch (Exception e) when (e is JsonException or NotSupportedException or ArgumentException)
        {
            throw Damaged(path, e);
        }
    }

    private static InvalidDataException Damaged(string path, Exception? inner = null) =>
        new($"{path} is damaged, and nothing was loaded.{OrThePrevious(path)}", inner);

    private static string OrThePrevious(string path) =>
        File.Exists(path + DurableFile.Previous) ? $" The checkpoint before it is {path + DurableFile.Previous}." : "";
}
