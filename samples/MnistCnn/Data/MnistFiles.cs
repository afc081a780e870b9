namespace MnistCnn.Data;

/// <summary>The four files of a data set in MNIST's format, by the names that they have had since 1998.</summary>
public static class MnistFiles
{
    public const string TrainImages = "train-images-idx3-ubyte";
    public const string TrainLabels = "train-labels-idx1-ubyte";
    public const string TestImages = "t10k-images-idx3-ubyte";
    public const string TestLabels = "t10k-labels-idx1-ubyte";

    /// <summary>Where a file is, gzipped or not.</summary>
    /// <param name="directory">The data set's folder.</param>
    /// <param name="name">One of the four names.</param>
    /// <exception cref="FileNotFoundException">It is there in neither form.</exception>
    public static string Find(string directory, string name)
    {
        var plain = Path.Combine(directory, name);
        var gzipped = plain + ".gz";
        if (File.Exists(gzipped))
            return gzipped;
        return File.Exists(plain)
            ? plain
            : throw new FileNotFoundException($"{plain}: there is no such file, nor {name}.gz beside it.", plain);
    }
}
