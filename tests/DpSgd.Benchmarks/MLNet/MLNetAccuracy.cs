using System.Globalization;
using DpSgd.ML;
using Microsoft.ML;
using MLNetTabular;

namespace DpSgd.Benchmarks.MLNet;

/// <summary>How well the private ML.NET trainers learn the diamonds of samples/MLNetTabular, beside ML.NET's own without privacy.</summary>
internal static class MLNetAccuracy
{
    private const double Delta = 1e-6;
    private const int LinearTrainings = 8;
    private const int HiddenTrainings = 5;

    private static readonly MLContext Context = new(seed: 1);

    public static void Run(TextWriter output)
    {
        var (withPrice, withoutPrice) = (Load(withPrice: true), Load(withPrice: false));
        var multiclass = Context.MulticlassClassification;
        var binary = Context.BinaryClassification;
        var regression = Context.Regression;
        double Cut(IEstimator<ITransformer> trainer) =>
            multiclass.Evaluate(trainer.Fit(withPrice.TrainSet).Transform(withPrice.TestSet)).MicroAccuracy;
        double Dear(IEstimator<ITransformer> trainer) =>
            binary.Evaluate(trainer.Fit(withoutPrice.TrainSet).Transform(withoutPrice.TestSet), nameof(Diamond.IsExpensive)).Accuracy;
        double Price(IEstimator<ITransformer> trainer) =>
            regression.Evaluate(trainer.Fit(withoutPrice.TrainSet).Transform(withoutPrice.TestSet), nameof(Diamond.Price)).RSquared;

        var normalized = Context.Transforms.NormalizeMinMax("Features");
        output.WriteLine("without privacy");
        Report(output, "cut, accuracy", 1, () => Cut(normalized.Append(multiclass.Trainers.LbfgsMaximumEntropy())));
        Report(output, "dear, accuracy", 1, () => Dear(normalized.Append(binary.Trainers.SdcaLogisticRegression(nameof(Diamond.IsExpensive)))));
        Report(output, "price, R squared", 1, () => Price(normalized.Append(regression.Trainers.Sdca(nameof(Diamond.Price)))));
        foreach (var epsilon in new[] { 10.0, 1 })
        {
            output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"epsilon {epsilon}"));
            var trainers = Context.DpSgd();
            Report(output, "cut, accuracy", LinearTrainings, () => Cut(trainers.MulticlassClassification(Options(epsilon, "Label", withPrice: true))));
            Report(output, "dear, accuracy", LinearTrainings, () => Dear(trainers.BinaryClassification(Options(epsilon, nameof(Diamond.IsExpensive), withPrice: false))));
            Report(output, "price, R squared", LinearTrainings, () => Price(trainers.Regression(new DpSgdRegressionOptions
            {
                TargetEpsilon = epsilon,
                Delta = Delta,
                LabelColumnName = nameof(Diamond.Price),
                LabelRange = new(0, 19_000),
                ExpectedBatchSize = 1024,
                FeatureRanges = DiamondPipeline.Ranges(withPrice: false),
            })));
            Report(output, "cut, hidden layer of 64, accuracy", HiddenTrainings, () => Cut(trainers.MulticlassClassification(
                Options(epsilon, "Label", withPrice: true) with { HiddenLayers = [64], NumberOfEpochs = 30, LearningRate = 0.02 })));
        }
    }

    private static DpSgdTrainerOptions Options(double epsilon, string label, bool withPrice) => new()
    {
        TargetEpsilon = epsilon,
        Delta = Delta,
        LabelColumnName = label,
        ExpectedBatchSize = 1024,
        FeatureRanges = DiamondPipeline.Ranges(withPrice),
    };

    private static DataOperationsCatalog.TrainTestData Load(bool withPrice)
    {
        var rows = Context.Data.LoadFromEnumerable(Diamond.Read(Diamond.BundledFile).ToList());
        var features = DiamondPipeline.Features(Context, withPrice).Append(DiamondPipeline.CutAsLabel(Context)).Fit(rows).Transform(rows);
        return Context.Data.TrainTestSplit(Context.Data.Cache(features), testFraction: 0.2, samplingKeyColumnName: nameof(Diamond.Line));
    }

    private static void Report(TextWriter output, string name, int trainings, Func<double> train)
    {
        var results = Enumerable.Range(0, trainings).Select(_ => train()).ToList();
        output.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"  {name,-36} {results.Average():F3} ({results.Min():F3} to {results.Max():F3}), {trainings} trainings"));
    }
}
