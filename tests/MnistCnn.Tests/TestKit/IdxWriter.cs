using System.Buffers.Binary;
using System.IO.Compression;

namespace MnistCnn.Tests.TestKit;

/// <summary>Writes what the reader reads.</summary>
internal static class IdxWriter
{
    public static byte[] Bytes(byte[] values, params int[] shape)
    {
        var content = new byte[4 + 4 * shape.Length + values.Length];
        content[2] = 8;
        content[3] = (byte)shape.Length;
        for (var i = 0; i < shape.Length; i++)
            BinaryPrimitives.WriteInt32BigEndian(content.AsSpan(4 + 4 * i), shape[i]);
        values.CopyTo(content, 4 + 4 * shape.Length);
        return content;
    }

    public static byte[] Gzip(byte[] content)
    {
        using var compressed = new MemoryStream();
        using (var gzip = new GZipStream(compressed, CompressionLevel.Fastest))
            gzip.Write(content);
        return compressed.ToArray();
    }
}
