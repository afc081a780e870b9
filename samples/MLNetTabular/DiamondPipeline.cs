using DpSgd.ML;
using Microsoft.ML;
using Microsoft.ML.Data;
using Microsoft.ML.Transforms;

namespace MLNetTabular;

/// <summary>
/// From columns to features, without a look at the data: the keys and the ranges are given, so that no step before the
/// private trainer learns anything.
/// </summary>
public static class DiamondPipeline
{
    /// <summary>Bounds of the features that <see cref="Features"/> makes, in their order. What lies beyond them is taken to be the bound.</summary>
    public static IReadOnlyList<ValueRange> Ranges(bool withPrice) =>
    [
        new(0, 3), new(55, 68), new(50, 68), new(3.5f, 9.5f), new(3.5f, 9.5f), new(2, 6),
        .. withPrice ? [new(0, 19_000)] : Array.Empty<ValueRange>(),
        .. Enumerable.Repeat(new ValueRange(0, 1), Diamond.Colors.Count + Diamond.Clarities.Count),
    ];

    /// <summary>Sizes, price if it is not what is asked for, and colour and clarity as one column for each of their values.</summary>
    public static IEstimator<ITransformer> Features(MLContext mlContext, bool withPrice)
    {
        string[] numbers =
        [
            nameof(Diamond.Carat), nameof(Diamond.Depth), nameof(Diamond.Table),
            nameof(Diamond.Length), nameof(Diamond.Width), nameof(Diamond.Height),
            .. withPrice ? [nameof(Diamond.Price)] : Array.Empty<string>(),
        ];
        return OneHot(mlContext, nameof(Diamond.Color), Diamond.Colors)
            .Append(OneHot(mlContext, nameof(Diamond.Clarity), Diamond.Clarities))
            .Append(mlContext.Transforms.Concatenate("Features", [.. numbers, nameof(Diamond.Color), nameof(Diamond.Clarity)]));
    }

    /// <summary>The cut as a key with given values, the label of a multiclass trainer.</summary>
    public static IEstimator<ITransformer> CutAsLabel(MLContext mlContext) =>
        mlContext.Transforms.Conversion.MapValueToKey("Label", nameof(Diamond.Cut), keyData: Keys(mlContext, Diamond.Cuts));

    private static OneHotEncodingEstimator OneHot(MLContext mlContext, string column, IReadOnlyList<string> values) =>
        mlContext.Transforms.Categorical.OneHotEncoding(column, keyData: Keys(mlContext, values));

    private static IDataView Keys(MLContext mlContext, IReadOnlyList<string> values) =>
        mlContext.Data.LoadFromEnumerable(values.Select(value => new Key { Value = value }));

    private sealed class Key
    {
        public string Value { get; set; } = "";
    }
}
