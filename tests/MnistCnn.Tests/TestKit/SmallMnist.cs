using MnistCnn.Data;

namespace MnistCnn.Tests.TestKit;

/// <summary>A small data set in MNIST's format: the first images of MNIST itself.</summary>
internal static class SmallMnist
{
    public const int TrainCount = 500;
    public const int TestCount = 200;

    public static void Write(string directory)
    {
        Cut(directory, MnistFiles.TrainImages, MnistFiles.TrainLabels, TrainCount, gzip: true);
        Cut(directory, MnistFiles.TestImages, MnistFiles.TestLabels, TestCount, gzip: false);
    }

    private static void Cut(string directory, string images, string labels, int count, bool gzip)
    {
        Write(directory, images, IdxReader.Read(MnistFiles.Find(BundledMnist.Directory, images), 3).Values[..(count * 784)], [count, 28, 28], gzip);
        Write(directory, labels, IdxReader.Read(MnistFiles.Find(BundledMnist.Directory, labels), 1).Values[..count], [count], gzip);
    }

    private static void Write(string directory, string name, byte[] values, int[] shape, bool gzip)
    {
        var content = IdxWriter.Bytes(values, shape);
        File.WriteAllBytes(Path.Combine(directory, gzip ? name + ".gz" : name), gzip ? IdxWriter.Gzip(content) : content);
    }
}
