using DpSgd.ML.Tests.TestKit;
using Microsoft.ML;
using Microsoft.ML.Data;

namespace DpSgd.ML.Tests;

/// <summary>Everything that ML.NET does with its own trainers and their models works with these.</summary>
public class PipelineTests
{
    private readonly MLContext _mlContext = new(seed: 0);

    // Little noise and much training: what is wrong in these tests is to be the plumbing, not the model.
    private static readonly DpSgdTrainerOptions Eager = Toy.Options with { NoiseMultiplier = 0.3, NumberOfEpochs = 20, LearningRate = 0.05 };

    [Fact]
    public void One_line_trains_in_a_pipeline_and_its_model_evaluates()
    {
        var pipeline = _mlContext.Label().Append(_mlContext.DpSgd().MulticlassClassification(targetEpsilon: 8, delta: 1e-4, expectedBatchSize: 60));
        var model = pipeline.Fit(_mlContext.Data());
        var metrics = _mlContext.MulticlassClassification.Evaluate(model.Transform(_mlContext.Data(seed: 1)));
        metrics.MicroAccuracy.Should().BeGreaterThan(0.75, "a third would be chance");
        metrics.LogLoss.Should().BeLessThan(Math.Log(3));
        metrics.ConfusionMatrix.GetFormattedConfusionTable().Should().MatchRegex(@"a \|\| +\d+ \|");
        model.LastTransformer.Guarantee.Epsilon.Should().BeInRange(7.99, 8);
    }

    [Fact]
    public void Binary_and_regression_evaluate_after_one_line()
    {
        var binary = _mlContext.DpSgd().BinaryClassification(8, 1e-4, nameof(ToyRow.IsPositive), expectedBatchSize: 60).Fit(_mlContext.Data());
        var metrics = _mlContext.BinaryClassification.Evaluate(binary.Transform(_mlContext.Data(seed: 1)), nameof(ToyRow.IsPositive));
        metrics.Accuracy.Should().BeGreaterThan(0.85);
        metrics.AreaUnderRocCurve.Should().BeGreaterThan(0.9);
        _mlContext.BinaryClassification.EvaluateNonCalibrated(binary.Transform(_mlContext.Data(seed: 1)), nameof(ToyRow.IsPositive))
            .Accuracy.Should().Be(metrics.Accuracy);

        var regression = _mlContext.DpSgd().Regression(8, 1e-4, Toy.NumberRange, nameof(ToyRow.Number), expectedBatchSize: 60).Fit(_mlContext.Data());
        _mlContext.Regression.Evaluate(regression.Transform(_mlContext.Data(seed: 1)), nameof(ToyRow.Number)).RSquared.Should().BeGreaterThan(0.8);
    }

    [Fact]
    public void A_prediction_engine_predicts_what_the_transformed_data_say()
    {
        var model = _mlContext.Label().Append(_mlContext.DpSgd().MulticlassClassification(Eager))
            .Append(_mlContext.Transforms.Conversion.MapKeyToValue("Name", "PredictedLabel")).Fit(_mlContext.Data());
        var expected = _mlContext.Data.CreateEnumerable<ClassPrediction>(model.Transform(_mlContext.Data(50, seed: 1)), reuseRowObject: false).ToList();

        var engine = _mlContext.Model.CreatePredictionEngine<ToyRow, ClassPrediction>(model);
        foreach (var (row, prediction) in Toy.Rows(50, seed: 1).Zip(expected))
            engine.Predict(row).Should().BeEquivalentTo(prediction);

        expected.Should().OnlyContain(p => p.Name == "abc"[(int)p.PredictedLabel - 1].ToString());
        expected.Should().OnlyContain(p => Math.Abs(p.Score.Sum() - 1) < 1e-5 && p.Score.Max() == p.Score[p.PredictedLabel - 1]);
        var names = default(VBuffer<ReadOnlyMemory<char>>);
        engine.OutputSchema["Score"].GetSlotNames(ref names);
        names.DenseValues().Select(name => name.ToString()).Should().Equal("a", "b", "c");
    }

    [Fact]
    public void Binary_columns_agree_with_each_other()
    {
        var model = _mlContext.DpSgd().BinaryClassification(Toy.BinaryOptions).Fit(_mlContext.Data());
        var predictions = _mlContext.Data.CreateEnumerable<BinaryPrediction>(model.Transform(_mlContext.Data(50)), reuseRowObject: false);
        predictions.Should().OnlyContain(p => p.PredictedLabel == p.Score > 0 && Math.Abs(p.Probability - 1 / (1 + Math.Exp(-p.Score))) < 1e-6);
    }

    [Fact]
    public void Cross_validation_works_for_all_three()
    {
        var multiclass = _mlContext.Label().Append(_mlContext.DpSgd().MulticlassClassification(Eager));
        _mlContext.MulticlassClassification.CrossValidate(_mlContext.Data(), multiclass, numberOfFolds: 3)
            .Should().HaveCount(3).And.OnlyContain(fold => fold.Metrics.MicroAccuracy > 0.75 && DpSgdTransformer.In(fold.Model).Guarantee.Epsilon > 0);

        var binary = _mlContext.DpSgd().BinaryClassification(Eager with { LabelColumnName = nameof(ToyRow.IsPositive) });
        _mlContext.BinaryClassification.CrossValidate(_mlContext.Data(), binary, 3, nameof(ToyRow.IsPositive))
            .Should().OnlyContain(fold => fold.Metrics.Accuracy > 0.8);

        var regression = _mlContext.DpSgd().Regression(Toy.RegressionOptions with { NoiseMultiplier = 0.3, NumberOfEpochs = 20, LearningRate = 0.05 });
        _mlContext.Regression.CrossValidate(_mlContext.Data(), regression, 3, nameof(ToyRow.Number))
            .Should().OnlyContain(fold => fold.Metrics.RSquared > 0.7);
    }

    [Fact]
    public void Permutation_feature_importance_works()
    {
        var data = _mlContext.Data();
        var model = _mlContext.DpSgd().BinaryClassification(Eager with { LabelColumnName = nameof(ToyRow.IsPositive) }).Fit(data);
        var importance = _mlContext.BinaryClassification.PermutationFeatureImportance(model, data, nameof(ToyRow.IsPositive));
        importance.Should().HaveCount(3);
        importance.MinBy(feature => feature.Accuracy.Mean).Should().BeSameAs(importance[0], "the label is the sign of the first feature");
    }

    [Fact]
    public void Several_cursors_at_once_and_shuffled_ones_give_each_row_its_prediction()
    {
        var model = _mlContext.DpSgd().Regression(Toy.RegressionOptions).Fit(_mlContext.Data());
        var scored = model.Transform(_mlContext.Data(500));
        var weights = model.Model.Layers[0];
        float Expected(VBuffer<float> x) => 10 + 3 * (weights.Bias.Span[0] + Enumerable.Range(0, 3).Sum(i => x.GetItemOrDefault(i) * weights.Weights.Span[i]));

        var columns = new[] { scored.Schema["Features"], scored.Schema["Score"] };
        var rows = 0;
        foreach (var cursor in scored.GetRowCursorSet(columns, 4).Append(scored.GetRowCursor(columns, new Random(1))))
        {
            using (cursor)
            {
                var (features, score) = (default(VBuffer<float>), 0f);
                var (getFeatures, getScore) = (cursor.GetGetter<VBuffer<float>>(columns[0]), cursor.GetGetter<float>(columns[1]));
                for (; cursor.MoveNext(); rows++)
                {
                    getFeatures(ref features);
                    getScore(ref score);
                    score.Should().BeApproximately(Expected(features), 1e-4f);
                }
            }
        }
        rows.Should().Be(2 * 500);
    }

    [Fact]
    public void Columns_that_nobody_asked_for_are_not_computed()
    {
        var model = _mlContext.DpSgd().Regression(Toy.RegressionOptions).Fit(_mlContext.Data());
        var scored = model.Transform(_mlContext.Data(10));
        using var cursor = scored.GetRowCursor([scored.Schema["Number"]]);
        cursor.IsColumnActive(scored.Schema["Score"]).Should().BeFalse();
        cursor.IsColumnActive(scored.Schema["Features"]).Should().BeFalse();
        cursor.Invoking(c => c.GetGetter<float>(scored.Schema["Score"])).Should().Throw<InvalidOperationException>().WithMessage("*'Score'*");
        var wrong = scored.GetRowCursor([scored.Schema["Score"]]);
        wrong.Invoking(c => c.GetGetter<double>(scored.Schema["Score"])).Should().Throw<InvalidOperationException>().WithMessage("*'Score'*Double*Single*");
    }

    [Fact]
    public void Missing_features_give_a_missing_label_as_ML_NETs_own_models_do()
    {
        var model = _mlContext.DpSgd().MulticlassClassification(Toy.Options).Fit(_mlContext.Keyed());
        var row = new ToyRow { Features = [float.NaN, 0, 0] };
        var engine = _mlContext.Model.CreatePredictionEngine<ToyRow, ClassPrediction>(model);
        engine.Predict(row).PredictedLabel.Should().Be(0);
    }

    [Fact]
    public void A_transformer_is_found_in_a_chain_of_chains()
    {
        var data = _mlContext.Data();
        var model = _mlContext.Label().Append(_mlContext.Transforms.CopyColumns("Copy", "Features").Append(_mlContext.DpSgd().MulticlassClassification(Toy.Options)))
            .Append(_mlContext.Transforms.Conversion.MapKeyToValue("PredictedLabel")).Fit(data);
        DpSgdTransformer.In(model).FeatureColumnName.Should().Be("Features");
        DpSgdTransformer.In(DpSgdTransformer.In(model)).Should().BeSameAs(DpSgdTransformer.In(model));
        FluentActions.Invoking(() => DpSgdTransformer.In(_mlContext.Label().Fit(data))).Should().Throw<ArgumentException>().WithMessage("*no transformer*");
    }

    private sealed class ClassPrediction
    {
        public uint PredictedLabel { get; set; }

        public float[] Score { get; set; } = [];

        public string Name { get; set; } = "";
    }

    private sealed class BinaryPrediction
    {
        public bool PredictedLabel { get; set; }

        public float Score { get; set; }

        public float Probability { get; set; }
    }
}
