using System.Buffers.Binary;
using System.IO.Compression;

namespace MnistCnn.Data;

/// <summary>
/// Reads IDX files, the format of MNIST: two zero bytes, the type of the values (here always 8, unsigned bytes), the number
/// of dimensions, the length of each as a big-endian 32-bit number, and then the values. Files may be gzipped.
/// </summary>
public static class IdxReader
{
    private const byte UnsignedBytes = 8;

    /// <summary>Reads a file.</summary>
    /// <param name="path">The file, gzipped or not; its content tells which.</param>
    /// <param name="dimensions">How many dimensions it must have.</param>
    /// <exception cref="InvalidDataException">The file is damaged or is something else; the message names it and says what is wrong.</exception>
    /// <exception cref="IOException">The file cannot be read.</exception>
    /// <exception cref="UnauthorizedAccessException">The file may not be read.</exception>
    public static IdxArray Read(string path, int dimensions) => Parse(File.ReadAllBytes(path), path, dimensions);

    /// <summary>Reads the content of a file.</summary>
    /// <param name="content">The bytes, gzipped or not.</param>
    /// <param name="name">What to call the file in messages.</param>
    /// <param name="dimensions">How many dimensions it must have.</param>
    /// <exception cref="InvalidDataException">The content is damaged or is something else.</exception>
    public static IdxArray Parse(byte[] content, string name, int dimensions)
    {
        if (content is [0x1f, 0x8b, ..])
            content = Decompress(content, name);

        var header = 4 + 4 * dimensions;
        if (content.Length < 4)
            throw Bad(name, $"it ends after {content.Length} bytes, within its header");
        if (content is not [0, 0, UnsignedBytes, var actual, ..])
            throw Bad(name, $"it is not an IDX file of unsigned bytes: it begins with {Convert.ToHexString(content.AsSpan(0, 4))}");
        if (actual != dimensions)
            throw Bad(name, $"it has {actual} dimensions where {dimensions} are expected");
        if (content.Length < header)
            throw Bad(name, $"it ends after {content.Length} bytes, within its header");

        var shape = new int[dimensions];
        var expected = 1L;
        for (var i = 0; i < dimensions; i++)
        {
            shape[i] = BinaryPrimitives.ReadInt32BigEndian(content.AsSpan(4 + 4 * i));
            if (shape[i] < 0)
                throw Bad(name, $"dimension {i + 1} has the length {shape[i]}");
            expected = Math.Min(expected * shape[i], int.MaxValue);   // more cannot be there, and would overflow
        }
        if (content.Length - header != expected)
            throw Bad(name, $"its header announces {string.Join(" x ", shape)} values, but {content.Length - header} follow");
        return new IdxArray(shape, content[header..]);
    }

    private static byte[] Decompress(byte[] content, string name)
    {
        try
        {
            using var gzip = new GZipStream(new MemoryStream(content), CompressionMode.Decompress);
            using var plain = new MemoryStream();
            gzip.CopyTo(plain);
            return plain.ToArray();
        }
        catch (Exception e) when (e is InvalidDataException or IOException)
        {
            throw Bad(name, $"its gzip compression is damaged ({e.Message.TrimEnd('.')})", e);
        }
    }

    private static InvalidDataException Bad(string name, string what, Exception? cause = null) => new($"{name}: {what}.", cause);
}
