namespace MnistCnn.Training;

/// <summary>What is known at the end of an epoch.</summary>
/// <param name="Epochs">Passes over the data so far; not whole if training was interrupted.</param>
/// <param name="Steps">Steps taken so far.</param>
/// <param name="TestAccuracy">Share of the test images that are classified correctly.</param>
/// <param name="AverageTestAccuracy">The same of the average of the weights over the epoch's steps.</param>
/// <param name="Epsilon">Spent so far; null when there is no finite one.</param>
/// <param name="Seconds">How long this epoch's training took, without the test.</param>
public sealed record EpochResult(
    double Epochs, long Steps, double TestAccuracy, double AverageTestAccuracy, double? Epsilon, double Seconds);
