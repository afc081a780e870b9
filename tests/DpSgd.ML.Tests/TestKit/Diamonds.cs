using Microsoft.ML;
using MLNetTabular;

namespace DpSgd.ML.Tests.TestKit;

/// <summary>The sample's data, ready for trainers: features, the cut as the key Label, the price, and whether it is high.</summary>
/// <param name="Train">Four fifths of the rows.</param>
/// <param name="Test">The others.</param>
internal sealed record Diamonds(IDataView Train, IDataView Test)
{
    /// <summary>Loads and prepares the rows.</summary>
    /// <param name="mlContext">The context.</param>
    /// <param name="withPrice">Whether the price is one of the features.</param>
    public static Diamonds Load(MLContext mlContext, bool withPrice)
    {
        var rows = mlContext.Data.LoadFromEnumerable(Diamond.Read(Diamond.BundledFile).ToList());
        var split = mlContext.Data.TrainTestSplit(rows, testFraction: 0.2, seed: 1);
        var prepared = DiamondPipeline.Features(mlContext, withPrice).Append(DiamondPipeline.CutAsLabel(mlContext)).Fit(split.TrainSet);
        return new(mlContext.Data.Cache(prepared.Transform(split.TrainSet)), mlContext.Data.Cache(prepared.Transform(split.TestSet)));
    }
}
