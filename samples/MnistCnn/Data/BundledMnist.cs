using System.Security.Cryptography;

namespace MnistCnn.Data;

/// <summary>The copy of MNIST that lies beside the program.</summary>
public static class BundledMnist
{
    private static readonly (string Name, string Sha256)[] Files =
    [
        (MnistFiles.TrainImages, "0b367032e93c5d0cea0925647cfdb18614af8ee15f83e6f2fc2ad904a6835971"),
        (MnistFiles.TrainLabels, "1787548bbe0bff1ec2ecdc0ef292b02df999e2d1a6002d27500982c652b17203"),
        (MnistFiles.TestImages, "1a1a05eab793c14bb050b398624a11b0ffd1a2953baed553b1b9bd079e2a20be"),
        (MnistFiles.TestLabels, "b91679a0acfe4ba0e50a2437a903084cba1f5f92592b016a25a7dfd00455798b"),
    ];

    /// <summary>The folder, which the build copies beside the program so that it is found from any working directory.</summary>
    public static string Directory { get; } = Path.Combine(AppContext.BaseDirectory, "data", "mnist");

    /// <summary>Checks that the files are the ones that were bundled, and so that accuracies can be compared.</summary>
    /// <param name="directory">The folder.</param>
    /// <exception cref="InvalidDataException">A file is another one.</exception>
    /// <exception cref="IOException">A file is missing or cannot be read.</exception>
    public static void Verify(string directory)
    {
        foreach (var (name, expected) in Files)
        {
            var path = MnistFiles.Find(directory, name);
            using var stream = File.OpenRead(path);
            var actual = Convert.ToHexStringLower(SHA256.HashData(stream));
            if (actual != expected)
                throw new InvalidDataException($"{path}: this is not the bundled file: its SHA-256 is {actual}, not {expected}.");
        }
    }
}
