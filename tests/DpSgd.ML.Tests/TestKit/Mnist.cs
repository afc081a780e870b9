using System.IO.Compression;
using DpSgd.Tests.TestKit;
using Microsoft.ML.Data;

namespace DpSgd.ML.Tests.TestKit;

/// <summary>An image of a digit.</summary>
internal sealed class Digit
{
    [VectorType(Mnist.Pixels)]
    public float[] Features { get; } = new float[Mnist.Pixels];

    [KeyType(10)]
    public uint Label { get; set; }
}

/// <summary>The images that the MNIST sample brings.</summary>
internal static class Mnist
{
    public const int Pixels = 28 * 28;
    private static readonly string Folder = Path.Combine(Repository.Root, "samples", "MnistCnn", "data", "mnist");

    /// <summary>Streams images, each in the same object, as a reader of a large file would.</summary>
    /// <param name="part">"train" or "t10k".</param>
    public static IEnumerable<Digit> Read(string part)
    {
        using var images = Open($"{part}-images-idx3-ubyte.gz", headerSize: 16);
        using var labels = Open($"{part}-labels-idx1-ubyte.gz", headerSize: 8);
        var digit = new Digit();
        var pixels = new byte[Pixels];
        while (labels.ReadByte() is var label and >= 0)
        {
            images.ReadExactly(pixels);
            for (var i = 0; i < Pixels; i++)
                digit.Features[i] = pixels[i] / 255f;
            digit.Label = (uint)label;
            yield return digit;
        }
    }

    private static Stream Open(string name, int headerSize)
    {
        var stream = new BufferedStream(new GZipStream(File.OpenRead(Path.Combine(Folder, name)), CompressionMode.Decompress));
        stream.ReadExactly(new byte[headerSize]);
        return stream;
    }
}
