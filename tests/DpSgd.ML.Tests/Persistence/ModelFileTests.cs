using DpSgd.ML.Tests.TestKit;
using Microsoft.ML;
using Microsoft.ML.Data;

namespace DpSgd.ML.Tests.Persistence;

/// <summary>mlContext.Model saves and loads these models as it does ML.NET's own, the pipeline and its schema included.</summary>
public class ModelFileTests
{
    private readonly MLContext _mlContext = new(seed: 0);

    private static MLContext Fresh()
    {
        var mlContext = new MLContext();
        mlContext.DpSgd();
        return mlContext;
    }

    [Fact]
    public void A_pipeline_comes_back_with_its_schema_its_predictions_and_its_guarantee()
    {
        var data = _mlContext.Data();
        var model = _mlContext.Label()
            .Append(_mlContext.DpSgd().MulticlassClassification(Toy.Options with { HiddenLayers = [5, 4], FeatureRanges = [new(-1, 1), new(-2, 2), new(0, 1)] }))
            .Append(_mlContext.Transforms.Conversion.MapKeyToValue("PredictedLabel")).Fit(data);
        using var file = new MemoryStream();
        _mlContext.Model.Save(model, data.Schema, file);
        file.Position = 0;

        var other = Fresh();
        var loaded = other.Model.Load(file, out var schema);
        schema.Select(column => $"{column.Name}: {column.Type}").Should().Equal(data.Schema.Select(column => $"{column.Name}: {column.Type}"));
        Predictions(other, loaded).Should().BeEquivalentTo(Predictions(_mlContext, model), options => options.WithStrictOrdering());
        DpSgdTransformer.In(loaded).Guarantee.Should().Be(DpSgdTransformer.In(model).Guarantee);
        DpSgdTransformer.In(loaded).Model.Statement.Should().Be(DpSgdTransformer.In(model).Model.Statement);

        // What a prediction engine needs: the loaded schema, and the annotations on the scores.
        var engine = other.Model.CreatePredictionEngine<ToyRow, Prediction>(loaded, schema);
        engine.Predict(Toy.Rows(1)[0]).Score.Should().HaveCount(3);
        var names = default(VBuffer<ReadOnlyMemory<char>>);
        engine.OutputSchema["Score"].GetSlotNames(ref names);
        names.DenseValues().Select(name => name.ToString()).Should().Equal("a", "b", "c");
    }

    [Fact]
    public void Binary_and_regression_come_back_too_from_a_file()
    {
        var data = _mlContext.Data();
        var path = Path.GetTempFileName();
        try
        {
            foreach (var trainer in new[] { _mlContext.DpSgd().BinaryClassification(Toy.BinaryOptions), _mlContext.DpSgd().Regression(Toy.RegressionOptions) })
            {
                var model = trainer.Fit(data);
                _mlContext.Model.Save(model, data.Schema, path);
                var loaded = Fresh().Model.Load(path, out _);
                Values(loaded.Transform(data)).Should().Equal(Values(model.Transform(data)));
                DpSgdTransformer.In(loaded).Guarantee.Should().Be(model.Guarantee);
            }
        }
        finally
        {
            File.Delete(path);
        }
    }

    [Fact]
    public void Keys_that_stand_for_numbers_truths_and_times_are_kept()
    {
        Keeps(row => row.Class[0] - 'a');
        Keeps(row => (row.Class[0] - 'a') / 3f);
        Keeps(row => (double)row.Number);
        Keeps(row => (long)row.Class[0]);
        Keeps(row => (byte)row.Class[0]);
        Keeps(row => row.IsPositive);
        Keeps(row => new DateTime(2000, 1, row.Class[0] - 'a' + 1));
        Keeps(row => TimeSpan.FromHours(row.Class[0]));
        Keeps(row => row.Class);
    }

    [Fact]
    public void Keys_that_stand_for_nothing_are_kept()
    {
        var data = _mlContext.Data.LoadFromEnumerable(Mnist.Read("t10k").Take(200));
        var model = _mlContext.DpSgd().MulticlassClassification(Toy.Options).Fit(data);
        using var file = new MemoryStream();
        _mlContext.Model.Save(model, data.Schema, file);
        file.Position = 0;
        var loaded = Fresh().Model.Load(file, out _);
        loaded.GetOutputSchema(data.Schema)["PredictedLabel"].Type.Should().Be(new KeyDataViewType(typeof(uint), 10));
    }

    [Fact]
    public void A_context_that_was_not_told_of_DpSgd_says_that_it_cannot_load()
    {
        using var file = new MemoryStream();
        _mlContext.Model.Save(_mlContext.DpSgd().BinaryClassification(Toy.BinaryOptions).Fit(_mlContext.Data()), null, file);
        file.Position = 0;
        new MLContext().Model.Invoking(m => m.Load(file, out _)).Should().Throw<FormatException>().WithMessage("Couldn't load model: 'TransformerChain'*", "docs/mlnet.md quotes it");
        file.Position = 0;
        Fresh().Model.Load(file, out _).Should().BeOfType<DpSgdTransformer>();
    }

    private void Keeps<T>(Func<ToyRow, T> key)
    {
        var rows = Toy.Rows(100).Select(row => new KeyedRow<T> { Features = row.Features, Value = key(row) });
        var data = _mlContext.Data.LoadFromEnumerable(rows);
        var model = _mlContext.Transforms.Conversion.MapValueToKey("Label", "Value").Append(_mlContext.DpSgd().MulticlassClassification(Toy.Options)).Fit(data);
        using var file = new MemoryStream();
        _mlContext.Model.Save(model, data.Schema, file);
        file.Position = 0;
        var loaded = Fresh().Model.Load(file, out _);
        KeyValues(loaded).Should().Equal(KeyValues(model)).And.NotBeEmpty();

        List<T> KeyValues(ITransformer transformer)
        {
            var mapped = _mlContext.Transforms.Conversion.MapKeyToValue("Predicted", "PredictedLabel").Fit(transformer.Transform(data)).Transform(transformer.Transform(data));
            return typeof(T) == typeof(string)
                ? [.. mapped.GetColumn<string>("Predicted").Cast<T>()]
                : [.. mapped.GetColumn<T>("Predicted")];
        }
    }

    private static List<Prediction> Predictions(MLContext mlContext, ITransformer model) =>
        [.. mlContext.Data.CreateEnumerable<Prediction>(model.Transform(mlContext.Data(50, seed: 1)), reuseRowObject: false)];

    private static List<float> Values(IDataView scored) => [.. scored.GetColumn<float>("Score")];

    private sealed class Prediction
    {
        public string PredictedLabel { get; set; } = "";

        public float[] Score { get; set; } = [];
    }

    private sealed class KeyedRow<T>
    {
        [VectorType(ToyRow.FeatureCount)]
        public float[] Features { get; set; } = [];

        public T Value { get; set; } = default!;
    }
}
