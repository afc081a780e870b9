using MnistCnn.Training;

namespace MnistCnn;

/// <summary>What the command line says.</summary>
/// <param name="Hyperparameters">How to train.</param>
/// <param name="DataDirectory">The data set's folder; null for the bundled MNIST.</param>
/// <param name="OutputDirectory">Where the results go.</param>
/// <param name="Threads">For TorchSharp's operations; null for its own choice.</param>
internal sealed record SampleSettings(
    Hyperparameters Hyperparameters, string? DataDirectory, string OutputDirectory, int? Threads);
