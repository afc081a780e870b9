using Microsoft.ML;
using Microsoft.ML.Data;

namespace DpSgd.ML.Tests.TestKit;

/// <summary>A row of small made-up data.</summary>
internal sealed class ToyRow
{
    /// <summary>Number of features.</summary>
    public const int FeatureCount = 3;

    [VectorType(FeatureCount)]
    public float[] Features { get; set; } = new float[FeatureCount];

    /// <summary>Which feature is the greatest: "a", "b" or "c".</summary>
    public string Class { get; set; } = "";

    /// <summary>Whether the first feature is positive.</summary>
    public bool IsPositive { get; set; }

    /// <summary>10 + 2 times the first feature less the second: from 7 to 13.</summary>
    public float Number { get; set; }
}

/// <summary>Data with few rows and an easy rule, and trainers for it.</summary>
internal static class Toy
{
    public static readonly ValueRange NumberRange = new(7, 13);

    public static IReadOnlyList<ToyRow> Rows(int count, int seed = 0)
    {
        var random = new Random(seed);
        return [.. Enumerable.Range(0, count).Select(_ =>
        {
            var features = Enumerable.Range(0, ToyRow.FeatureCount).Select(_ => 2 * random.NextSingle() - 1).ToArray();
            return new ToyRow
            {
                Features = features,
                Class = "abc"[Array.IndexOf(features, features.Max())].ToString(),
                IsPositive = features[0] > 0,
                Number = 10 + 2 * features[0] - features[1],
            };
        })];
    }

    public static IDataView Data(this MLContext mlContext, int count = 600, int seed = 0) =>
        mlContext.Data.LoadFromEnumerable(Rows(count, seed));

    /// <summary>The rows with the class as the key Label.</summary>
    public static IDataView Keyed(this MLContext mlContext, int count = 600, int seed = 0)
    {
        var data = mlContext.Data(count, seed);
        return mlContext.Label().Fit(data).Transform(data);
    }

    /// <summary>Makes the key Label of the class.</summary>
    public static IEstimator<ITransformer> Label(this MLContext mlContext) =>
        mlContext.Transforms.Conversion.MapValueToKey("Label", nameof(ToyRow.Class), keyData: mlContext.Data.LoadFromEnumerable(
            new[] { "a", "b", "c" }.Select(name => new Key { Name = name })));

    public static DpSgdTrainerOptions Options => new() { NoiseMultiplier = 1, Delta = 1e-4, NumberOfEpochs = 2, ExpectedBatchSize = 60 };

    public static DpSgdTrainerOptions BinaryOptions => Options with { LabelColumnName = nameof(ToyRow.IsPositive) };

    public static DpSgdRegressionOptions RegressionOptions => new()
    {
        NoiseMultiplier = 1,
        Delta = 1e-4,
        NumberOfEpochs = 2,
        ExpectedBatchSize = 60,
        LabelColumnName = nameof(ToyRow.Number),
        LabelRange = NumberRange,
    };

    private sealed class Key
    {
        public string Name { get; set; } = "";
    }
}
