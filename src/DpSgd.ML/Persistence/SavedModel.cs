using System.Runtime.InteropServices;
using System.Text.Json;
using System.Text.Json.Serialization;
using DpSgd.Accounting;
using DpSgd.ML.Scoring;
using DpSgd.ML.Tasks;
using Microsoft.ML.Runtime;

namespace DpSgd.ML.Persistence;

/// <summary>
/// A model as it is written: this, as JSON, and after it the weights and biases of each layer as little-endian floats. The
/// guarantee is kept as the run that it follows from.
/// </summary>
internal sealed record SavedModel
{
    private const int CurrentVersion = 1;

    public required int Version { get; init; }

    public required string FeatureColumnName { get; init; }

    /// <summary>Number of features, then the number of outputs of each layer.</summary>
    public required int[] Widths { get; init; }

    /// <summary>Least and greatest, one pair a range.</summary>
    public required float[][] FeatureRanges { get; init; }

    public required SavedHead Head { get; init; }

    public required SavedRun Run { get; init; }

    public static void Write(BinaryWriter writer, DpSgdTransformer transformer)
    {
        var (model, run) = (transformer.Model, transformer.Guarantee.Run);
        writer.Write(JsonSerializer.Serialize(new SavedModel
        {
            Version = CurrentVersion,
            FeatureColumnName = transformer.FeatureColumnName,
            Widths = [model.FeatureCount, .. model.Layers.Select(layer => layer.OutputSize)],
            FeatureRanges = [.. model.Network.Ranges.Select(range => new[] { range.Minimum, range.Maximum })],
            Head = model.Head.Save(),
            Run = new(run.NumberOfExamples, run.BatchSize, run.NoiseMultiplier, run.Epochs, run.Delta),
        }, SavedModelJson.Default.SavedModel));
        foreach (var layer in model.Layers)
        {
            writer.Write(MemoryMarshal.AsBytes(layer.Weights.Span));
            writer.Write(MemoryMarshal.AsBytes(layer.Bias.Span));
        }
    }

    public static DpSgdTransformer Read(BinaryReader reader, IHostEnvironment host)
    {
        var saved = JsonSerializer.Deserialize(reader.ReadString(), SavedModelJson.Default.SavedModel)!;
        if (saved.Version != CurrentVersion)
            throw new InvalidDataException($"The model was written in version {saved.Version} of its format, but this library reads version {CurrentVersion}.");
        var layers = new List<DenseLayer>();
        for (var i = 1; i < saved.Widths.Length; i++)
            layers.Add(new(saved.Widths[i - 1], Floats(reader, saved.Widths[i - 1] * saved.Widths[i]), Floats(reader, saved.Widths[i])));
        var run = new DpSgdRun
        {
            NumberOfExamples = saved.Run.NumberOfExamples,
            BatchSize = saved.Run.BatchSize,
            NoiseMultiplier = saved.Run.NoiseMultiplier,
            Epochs = saved.Run.Epochs,
            Delta = saved.Run.Delta,
        };
        var ranges = saved.FeatureRanges.Select(range => new ValueRange(range[0], range[1])).ToList();
        return new(host, new(new DenseNetwork(ranges, layers), saved.Head.Load(), DpSgdPrivacy.Guarantee(run)), saved.FeatureColumnName);
    }

    private static float[] Floats(BinaryReader reader, int count)
    {
        var values = new float[count];
        reader.BaseStream.ReadExactly(MemoryMarshal.AsBytes(values.AsSpan()));
        return values;
    }
}

/// <summary>The run that a guarantee follows from.</summary>
internal sealed record SavedRun(long NumberOfExamples, int BatchSize, double NoiseMultiplier, double Epochs, double Delta);

/// <summary>What a prediction head is made from.</summary>
internal sealed record SavedHead
{
    public const string Multiclass = "multiclass";
    public const string Binary = "binary";
    public const string Regression = "regression";

    public required string Task { get; init; }

    public int Classes { get; init; }

    public SavedKeyValues? Names { get; init; }

    public float[]? LabelRange { get; init; }

    public PredictionHead Load() => Task switch
    {
        Multiclass => new MulticlassHead(Classes, Names is null ? null : KeyValues.Load(Names)),
        Binary => new BinaryHead(),
        Regression => new RegressionHead(new(LabelRange![0], LabelRange[1])),
        _ => throw new InvalidDataException($"The model is for the task '{Task}', which this version does not know."),
    };
}

/// <summary>What keys stand for: an array of values of the type that ML.NET calls so.</summary>
internal sealed record SavedKeyValues
{
    public required string Type { get; init; }

    public required JsonElement Values { get; init; }
}

[JsonSerializable(typeof(SavedModel))]
[JsonSourceGenerationOptions(DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
internal sealed partial class SavedModelJson : JsonSerializerContext;
