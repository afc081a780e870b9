using System.Globalization;
using DpSgd.ML;
using Microsoft.ML;
using Microsoft.ML.Runtime;
using MLNetTabular;

// Which quality of cut has a diamond? A classifier of which nobody can learn whether one diamond was among those it saw.
const double targetEpsilon = 1;
const double delta = 1e-6;

var mlContext = new MLContext();
mlContext.Log += (_, message) =>
{
    if (message.Kind >= ChannelMessageKind.Info && message.Source.StartsWith(nameof(DpSgdTrainer), StringComparison.Ordinal))
        Console.WriteLine(message.RawMessage);
};
var diamonds = mlContext.Data.LoadFromEnumerable(Diamond.Read(Diamond.BundledFile).ToList());
// What a row says decides where it goes: by its position, one row more would move others between the parts.
var split = mlContext.Data.TrainTestSplit(diamonds, testFraction: 0.2, samplingKeyColumnName: nameof(Diamond.Line));

var pipeline = DiamondPipeline.Features(mlContext, withPrice: true)
    .Append(DiamondPipeline.CutAsLabel(mlContext))
    .Append(mlContext.DpSgd().MulticlassClassification(new DpSgdTrainerOptions
    {
        TargetEpsilon = targetEpsilon,
        Delta = delta,
        HiddenLayers = [64],
        NumberOfEpochs = 30,
        ExpectedBatchSize = 1024,
        LearningRate = 0.02,
        FeatureRanges = DiamondPipeline.Ranges(withPrice: true),
    }))
    .Append(mlContext.Transforms.Conversion.MapKeyToValue("PredictedLabel"));
var model = pipeline.Fit(split.TrainSet);
var metrics = mlContext.MulticlassClassification.Evaluate(model.Transform(split.TestSet));

Console.WriteLine();
Console.WriteLine(metrics.ConfusionMatrix.GetFormattedConfusionTable());
Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"test accuracy = {metrics.MicroAccuracy:F3}, log-loss = {metrics.LogLoss:F3}"));
Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"epsilon = {DpSgdTransformer.In(model).Guarantee.Epsilon:F3} at delta = {delta}"));
Console.WriteLine();
Console.WriteLine(DpSgdTransformer.In(model).Model.Statement);
