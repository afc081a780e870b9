using DpSgd.ML.Tests.TestKit;
using Microsoft.ML;
using Microsoft.ML.Data;
using Microsoft.ML.OnnxRuntime;
using Microsoft.ML.OnnxRuntime.Tensors;

namespace DpSgd.ML.Tests.Export;

/// <summary>ONNX Runtime computes from the exported model what the transformer computes.</summary>
public class OnnxExportTests
{
    private readonly MLContext _mlContext = new(seed: 0);

    [Fact]
    public void Multiclass_agrees()
    {
        var model = _mlContext.DpSgd().MulticlassClassification(Toy.Options with { HiddenLayers = [6, 5] }).Fit(_mlContext.Keyed());
        var (scored, onnx) = Both(model, _mlContext.Keyed(50, seed: 1));
        Close(onnx["Score"].AsEnumerable<float>(), scored.GetColumn<float[]>("Score").SelectMany(x => x));
        onnx["PredictedLabel"].AsEnumerable<long>().Should().Equal(scored.GetColumn<uint>("PredictedLabel").Select(key => key - 1L));
    }

    [Fact]
    public void Binary_agrees_with_ranges_for_each_feature()
    {
        var model = _mlContext.DpSgd().BinaryClassification(Toy.BinaryOptions with { FeatureRanges = [new(-0.5f, 0.5f), new(0, 2), new(-3, 3)] }).Fit(_mlContext.Data());
        var (scored, onnx) = Both(model, _mlContext.Data(50, seed: 1));
        Close(onnx["Score"].AsEnumerable<float>(), scored.GetColumn<float>("Score"));
        Close(onnx["Probability"].AsEnumerable<float>(), scored.GetColumn<float>("Probability"));
    }

    [Fact]
    public void Regression_agrees_with_one_range_for_all_features()
    {
        var model = _mlContext.DpSgd().Regression(Toy.RegressionOptions with { FeatureRanges = [new(-0.7f, 0.6f)], HiddenLayers = [4] }).Fit(_mlContext.Data());
        var (scored, onnx) = Both(model, _mlContext.Data(50, seed: 1));
        Close(onnx["Score"].AsEnumerable<float>(), scored.GetColumn<float>("Score"));
    }

    [Fact]
    public void Probabilities_keep_away_from_0_and_1_as_the_transformers_do()
    {
        var rows = Toy.Rows(50, seed: 1);
        foreach (var row in rows)
            row.Features = [.. row.Features.Select(x => 1e5f * x)];
        var model = _mlContext.DpSgd().BinaryClassification(Toy.BinaryOptions).Fit(_mlContext.Data());
        var (scored, onnx) = Both(model, _mlContext.Data.LoadFromEnumerable(rows));
        var probabilities = onnx["Probability"].AsEnumerable<float>().ToList();
        probabilities.Should().Contain(1e-7f).And.Contain(1 - 1e-7f).And.OnlyContain(p => p >= 1e-7f && p <= 1 - 1e-7f);
        Close(probabilities, scored.GetColumn<float>("Probability"));
    }

    [Theory]
    [InlineData("Score", "Score.input")]
    [InlineData("Probability", "Probability.input")]
    [InlineData("PredictedLabel", "PredictedLabel.input")]
    [InlineData("weights_0", "weights_0")]
    [InlineData("minimum", "minimum")]
    public void A_feature_column_may_be_named_like_something_in_the_graph(string column, string input)
    {
        var data = _mlContext.Transforms.CopyColumns(column, "Features").Fit(_mlContext.Data()).Transform(_mlContext.Data());
        var options = Toy.BinaryOptions with { FeatureColumnName = column, FeatureRanges = [new(-1, 1)], HiddenLayers = [4] };
        var (scored, onnx) = Both(_mlContext.DpSgd().BinaryClassification(options).Fit(data), data, input);
        Close(onnx["Probability"].AsEnumerable<float>(), scored.GetColumn<float>("Probability"));
    }

    [Fact]
    public void The_guarantee_is_in_the_file()
    {
        var model = _mlContext.DpSgd().BinaryClassification(Toy.BinaryOptions).Fit(_mlContext.Data());
        using var session = Session(model);
        session.ModelMetadata.CustomMetadataMap["differential_privacy"].Should().Be(model.Model.Statement);
    }

    private static (IDataView Scored, Dictionary<string, DisposableNamedOnnxValue> Onnx) Both(
        DpSgdTransformer model, IDataView data, string name = "Features")
    {
        var features = data.GetColumn<float[]>("Features").ToList();
        var input = new DenseTensor<float>(features.SelectMany(x => x).ToArray(), [features.Count, ToyRow.FeatureCount]);
        using var session = Session(model);
        var outputs = session.Run([NamedOnnxValue.CreateFromTensor(name, input)]);
        return (model.Transform(data), outputs.ToDictionary(output => output.Name));
    }

    private static InferenceSession Session(DpSgdTransformer model)
    {
        using var file = new MemoryStream();
        model.SaveAsOnnx(file);
        return new(file.ToArray());
    }

    private static void Close(IEnumerable<float> actual, IEnumerable<float> expected)
    {
        var pairs = actual.Zip(expected).ToList();
        pairs.Should().HaveCountGreaterThanOrEqualTo(50).And.OnlyContain(pair => Math.Abs(pair.First - pair.Second) < 1e-5 * (1 + Math.Abs(pair.Second)));
    }
}
