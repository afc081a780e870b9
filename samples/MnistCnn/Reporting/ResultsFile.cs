using System.Reflection;
using System.Text.Json;
using System.Text.Json.Serialization;
using DpSgd;
using MnistCnn.Data;
using MnistCnn.Training;

namespace MnistCnn.Reporting;

/// <summary>The content of <c>results.json</c>.</summary>
/// <param name="DpSgdVersion">Version of the library that trained.</param>
/// <param name="Dataset">Name of the data set, or of its folder.</param>
/// <param name="TrainExamples">Number of training images.</param>
/// <param name="TestExamples">Number of test images.</param>
/// <param name="Hyperparameters">How it was trained.</param>
/// <param name="Interrupted">Whether training was stopped before its end.</param>
/// <param name="Steps">Steps taken.</param>
/// <param name="Epochs">The end of each epoch.</param>
/// <param name="Epsilon">What all steps together cost; null when training was not private or there is no finite value.</param>
/// <param name="OptimalOrder">The order of the Rényi divergence that proves it; null without an epsilon.</param>
/// <param name="Guarantee">The guarantee in words; null when training was not private.</param>
public sealed record ResultsFile(
    string DpSgdVersion,
    string Dataset,
    int TrainExamples,
    int TestExamples,
    Hyperparameters Hyperparameters,
    bool Interrupted,
    long Steps,
    IReadOnlyList<EpochResult> Epochs,
    double? Epsilon,
    double? OptimalOrder,
    string? Guarantee)
{
    public const string FileName = "results.json";

    public static ResultsFile Of(MnistData data, Hyperparameters hyperparameters, TrainingResult result)
    {
        var isFinite = result.Guarantee is { } guarantee && double.IsFinite(guarantee.Epsilon);   // JSON knows no infinity
        return new(
            typeof(DPOptimizer).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()!.InformationalVersion,
            data.Name,
            data.Train.Count,
            data.Test.Count,
            hyperparameters,
            result.Interrupted,
            result.Epochs.LastOrDefault()?.Steps ?? 0,
            result.Epochs,
            isFinite ? result.Guarantee!.Epsilon : null,
            isFinite ? result.Guarantee!.OptimalOrder : null,
            result.Guarantee?.Statement);
    }

    public void Write(string path)
    {
        using var stream = File.Create(path);
        JsonSerializer.Serialize(stream, this, ResultsJson.Default.ResultsFile);
    }

    public static ResultsFile Read(string path)
    {
        using var stream = File.OpenRead(path);
        return JsonSerializer.Deserialize(stream, ResultsJson.Default.ResultsFile)!;
    }
}

[JsonSourceGenerationOptions(WriteIndented = true, PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase)]
[JsonSerializable(typeof(ResultsFile))]
internal sealed partial class ResultsJson : JsonSerializerContext;
