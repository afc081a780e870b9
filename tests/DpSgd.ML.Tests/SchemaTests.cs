using DpSgd.ML.Tests.TestKit;
using Microsoft.ML;
using Microsoft.ML.Data;

namespace DpSgd.ML.Tests;

/// <summary>What is added to a schema is what ML.NET's own trainer of the same task adds: names, types and annotations.</summary>
public class SchemaTests
{
    private readonly MLContext _mlContext = new(seed: 0);

    [Fact]
    public void Trainers_say_what_they_need()
    {
        foreach (var trainer in new[]
        {
            _mlContext.DpSgd().MulticlassClassification(Toy.Options), _mlContext.DpSgd().BinaryClassification(Toy.BinaryOptions),
            _mlContext.DpSgd().Regression(Toy.RegressionOptions),
        })
        {
            trainer.Info.NeedNormalization.Should().BeTrue();
            trainer.Info.WantCaching.Should().BeFalse("the rows are read once");
        }
    }

    [Fact]
    public void Multiclass_columns_are_those_of_ML_NETs_own_trainer()
    {
        var data = _mlContext.Keyed();
        Same(data, _mlContext.DpSgd().MulticlassClassification(Toy.Options), _mlContext.MulticlassClassification.Trainers.SdcaMaximumEntropy());
    }

    [Fact]
    public void Multiclass_columns_are_so_too_when_keys_stand_for_numbers_and_when_for_nothing()
    {
        var rows = Toy.Rows(100).Select(row => new { row.Features, Class = row.Class[0] - 'a' });
        var numbers = _mlContext.Data.LoadFromEnumerable(rows, Sized(SchemaDefinition.Create(rows.First().GetType())));
        numbers = _mlContext.Transforms.Conversion.MapValueToKey("Label", "Class").Fit(numbers).Transform(numbers);
        Same(numbers, _mlContext.DpSgd().MulticlassClassification(Toy.Options), _mlContext.MulticlassClassification.Trainers.SdcaMaximumEntropy());

        var bare = _mlContext.Data.LoadFromEnumerable(Toy.Rows(100).Select(row => new Bare { Features = row.Features, Label = (uint)(row.Class[0] - 'a') }));
        Same(bare, _mlContext.DpSgd().MulticlassClassification(Toy.Options), _mlContext.MulticlassClassification.Trainers.SdcaMaximumEntropy());
    }

    [Fact]
    public void Binary_columns_are_those_of_ML_NETs_own_trainer() => Same(
        _mlContext.Data(),
        _mlContext.DpSgd().BinaryClassification(Toy.BinaryOptions),
        _mlContext.BinaryClassification.Trainers.SdcaLogisticRegression(nameof(ToyRow.IsPositive)));

    [Fact]
    public void Regression_columns_are_those_of_ML_NETs_own_trainer() => Same(
        _mlContext.Data(),
        _mlContext.DpSgd().Regression(Toy.RegressionOptions),
        _mlContext.Regression.Trainers.Sdca(nameof(ToyRow.Number)));

    [Fact]
    public void A_second_prediction_in_the_same_data_is_a_set_of_its_own()
    {
        var data = _mlContext.Data();
        var first = _mlContext.DpSgd().BinaryClassification(Toy.BinaryOptions).Fit(data).Transform(data);
        var second = _mlContext.DpSgd().Regression(Toy.RegressionOptions).Fit(first).Transform(first);
        var ids = second.Schema.Where(column => column.Annotations.Schema.Any(a => a.Name == "ScoreColumnSetId"))
            .Select(column => Annotation(column, "ScoreColumnSetId")).ToList();
        ids.Should().Equal("1", "1", "1", "2");
    }

    private void Same<TOurs, TTheirs>(IDataView data, IEstimator<TOurs> ours, IEstimator<TTheirs> theirs)
        where TOurs : class, ITransformer
        where TTheirs : class, ITransformer
    {
        var expected = theirs.Fit(data).Transform(data).Schema;
        var model = ours.Fit(data);
        Added(model.Transform(data).Schema).Should().BeEquivalentTo(Added(expected), options => options.WithStrictOrdering());
        Added(model.GetOutputSchema(data.Schema)).Should().BeEquivalentTo(Added(expected));

        // What the estimator announces is what the transformer does, so a chain that checks it before training is right.
        // (A trainer at the end of a chain is shown the shape of what comes before it.)
        var chain = _mlContext.Transforms.CopyColumns("Copy", "Features").Append(ours).Append(_mlContext.Transforms.CopyColumns("Copied", "Score"));
        chain.Fit(data).Transform(data).Schema.GetColumnOrNull("Copied").Should().NotBeNull();

        IEnumerable<string> Added(DataViewSchema schema) => schema.Skip(data.Schema.Count).Select(Described);
    }

    private static string Described(DataViewSchema.Column column) =>
        $"{column.Name}: {column.Type}; {string.Join("; ", column.Annotations.Schema.Select(a => $"{a.Name}: {a.Type} = {Annotation(column, a.Name)}").Order(StringComparer.Ordinal))}";

    private static string Annotation(DataViewSchema.Column column, string name) => column.Annotations.Schema[name].Type switch
    {
        KeyDataViewType => Value<uint>(column, name).ToString()!,
        BooleanDataViewType => Value<bool>(column, name).ToString()!,
        TextDataViewType => Value<ReadOnlyMemory<char>>(column, name).ToString()!,
        VectorDataViewType { ItemType: TextDataViewType } => string.Join(",", Value<VBuffer<ReadOnlyMemory<char>>>(column, name).DenseValues()),
        VectorDataViewType => string.Join(",", Value<VBuffer<int>>(column, name).DenseValues()),
        var other => throw new InvalidOperationException(other.ToString()),
    };

    private static T Value<T>(DataViewSchema.Column column, string name)
    {
        T value = default!;
        column.Annotations.GetValue(name, ref value);
        return value;
    }

    private sealed class Bare
    {
        [VectorType(ToyRow.FeatureCount)]
        public float[] Features { get; set; } = [];

        [KeyType(3)]
        public uint Label { get; set; }
    }

    private static SchemaDefinition Sized(SchemaDefinition definition)
    {
        definition["Features"].ColumnType = new VectorDataViewType(NumberDataViewType.Single, ToyRow.FeatureCount);
        return definition;
    }
}
