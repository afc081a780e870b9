using TorchSharp;
using static TorchSharp.torch;

namespace MnistCnn.Data;

/// <summary>Images and labels of one half of the data set, to train with or to test with.</summary>
/// <param name="Images">[N, 1, 28, 28], from 0 (black) to 1.</param>
/// <param name="Labels">[N], from 0 to 9.</param>
public sealed record Examples(Tensor Images, Tensor Labels) : IDisposable
{
    /// <summary>N.</summary>
    public int Count => (int)Labels.shape[0];

    public void Dispose()
    {
        Images.Dispose();
        Labels.Dispose();
    }
}

/// <summary>MNIST, or another data set in its format, in memory.</summary>
/// <param name="Name">What to call it in the results.</param>
/// <param name="Train">What the model is trained with: the private part.</param>
/// <param name="Test">What it is measured with, taken to be public.</param>
public sealed record MnistData(string Name, Examples Train, Examples Test) : IDisposable
{
    private const int Side = 28;
    private const int Classes = 10;

    /// <summary>Loads the bundled MNIST, having checked that it is unchanged.</summary>
    /// <exception cref="InvalidDataException">A file is not the one that was bundled.</exception>
    /// <exception cref="IOException">A file is missing or cannot be read.</exception>
    public static MnistData LoadBundled()
    {
        BundledMnist.Verify(BundledMnist.Directory);
        return Load(BundledMnist.Directory) with { Name = "MNIST" };
    }

    /// <summary>Loads a data set of 28 x 28 images in 10 classes.</summary>
    /// <param name="directory">Where its four files are, see <see cref="MnistFiles"/>.</param>
    /// <exception cref="InvalidDataException">A file is damaged, or does not fit the others.</exception>
    /// <exception cref="IOException">A file is missing or cannot be read.</exception>
    public static MnistData Load(string directory)
    {
        var train = LoadExamples(directory, MnistFiles.TrainImages, MnistFiles.TrainLabels);
        try
        {
            var test = LoadExamples(directory, MnistFiles.TestImages, MnistFiles.TestLabels);
            return new(new DirectoryInfo(directory).Name, train, test);
        }
        catch
        {
            train.Dispose();
            throw;
        }
    }

    public void Dispose()
    {
        Train.Dispose();
        Test.Dispose();
    }

    private static Examples LoadExamples(string directory, string imagesName, string labelsName)
    {
        var imagesPath = MnistFiles.Find(directory, imagesName);
        var labelsPath = MnistFiles.Find(directory, labelsName);
        var images = IdxReader.Read(imagesPath, dimensions: 3);
        var labels = IdxReader.Read(labelsPath, dimensions: 1);

        var count = images.Shape[0];
        if (count == 0)
            throw new InvalidDataException($"{imagesPath}: it holds no images.");
        if (images.Shape[1] != Side || images.Shape[2] != Side)
            throw new InvalidDataException($"{imagesPath}: its images are {images.Shape[1]} x {images.Shape[2]}, not {Side} x {Side}.");
        if (labels.Shape[0] != count)
            throw new InvalidDataException($"{labelsPath}: it holds {labels.Shape[0]} labels for {count} images.");
        if (Array.FindIndex(labels.Values, label => label >= Classes) is var bad and >= 0)
            throw new InvalidDataException($"{labelsPath}: label {bad + 1} is {labels.Values[bad]}, but there are only {Classes} classes.");

        using var scope = NewDisposeScope();
        return new Examples(
            tensor(images.Values, [count, 1, Side, Side]).to(float32).div_(byte.MaxValue).DetachFromDisposeScope(),
            tensor(labels.Values, [count]).to(int64).DetachFromDisposeScope());
    }
}
