using DpSgd.ML.Tests.TestKit;
using Microsoft.ML;
using Microsoft.ML.Data;

namespace DpSgd.ML.Tests;

/// <summary>What is wrong with the data is said as ML.NET says it, with the column's name; wrong options name the option.</summary>
public class RefusalTests
{
    private readonly MLContext _mlContext = new(seed: 0);

    [Fact]
    public void Missing_columns_are_named_in_ML_NETs_own_words()
    {
        var data = _mlContext.Data();
        var unknownLabel = _mlContext.DpSgd().MulticlassClassification(Toy.Options);
        var message = _mlContext.MulticlassClassification.Trainers.SdcaMaximumEntropy().Invoking(t => t.Fit(data))
            .Should().Throw<ArgumentOutOfRangeException>().Which.Message.Split('\n', '(')[0].Trim();
        message.Should().Be("Could not find label column 'Label'");
        unknownLabel.Invoking(t => t.Fit(data)).Should().Throw<ArgumentOutOfRangeException>().WithMessage(message + "*");

        _mlContext.DpSgd().BinaryClassification(Toy.BinaryOptions with { FeatureColumnName = "Nothing" }).Invoking(t => t.Fit(data))
            .Should().Throw<ArgumentOutOfRangeException>().WithMessage("Could not find feature column 'Nothing'*");
    }

    [Fact]
    public void Wrong_types_are_named_with_what_was_expected()
    {
        var data = _mlContext.Data();
        void Refuses(DpSgdTrainer trainer, string message) =>
            trainer.Invoking(t => t.Fit(data)).Should().Throw<ArgumentOutOfRangeException>().WithMessage($"Schema mismatch for {message}*");

        Refuses(_mlContext.DpSgd().MulticlassClassification(Toy.Options with { LabelColumnName = "Class" }), "label column 'Class': expected Key<UInt32>*, got String");
        Refuses(_mlContext.DpSgd().BinaryClassification(Toy.BinaryOptions with { LabelColumnName = "Number" }), "label column 'Number': expected Boolean, got Single");
        Refuses(_mlContext.DpSgd().Regression(Toy.RegressionOptions with { LabelColumnName = "IsPositive" }), "label column 'IsPositive': expected Single, got Boolean");
        Refuses(_mlContext.DpSgd().BinaryClassification(Toy.BinaryOptions with { FeatureColumnName = "Number" }), "feature column 'Number': expected Vector<Single>*, got Single");
    }

    [Fact]
    public void Vectors_of_unknown_size_and_of_doubles_are_no_features()
    {
        var unsized = _mlContext.Data.LoadFromEnumerable(new[] { new { Label = true, Features = new[] { 1f } } });
        var doubles = _mlContext.Data.LoadFromEnumerable([new DoubleRow()]);
        foreach (var data in new[] { unsized, doubles })
        {
            _mlContext.DpSgd().BinaryClassification(Toy.Options).Invoking(t => t.Fit(data))
                .Should().Throw<ArgumentOutOfRangeException>().WithMessage("*feature column 'Features'*");
        }
    }

    [Fact]
    public void A_chain_is_checked_before_it_trains()
    {
        // The trainer's own check of the shapes is ML.NET's, reached before any row is read.
        var read = false;
        var rows = Toy.Rows(10).Select(row =>
        {
            read = true;
            return row;
        });
        var chain = _mlContext.Transforms.CopyColumns("Copy", "Features").Append(_mlContext.DpSgd().MulticlassClassification(Toy.Options with { LabelColumnName = "Class" }))
            .Append(_mlContext.Transforms.Conversion.MapKeyToValue("PredictedLabel"));
        chain.Invoking(c => c.Fit(_mlContext.Data.LoadFromEnumerable(rows))).Should().Throw<ArgumentOutOfRangeException>().WithMessage("*label column 'Class'*");
        read.Should().BeFalse();
    }

    [Theory]
    [InlineData(float.NaN)]
    [InlineData(float.PositiveInfinity)]
    [InlineData(float.NegativeInfinity)]
    public void Features_and_labels_that_are_no_numbers_are_refused_with_column_and_row(float bad)
    {
        var rows = Toy.Rows(100);
        rows[57].Features[1] = bad;
        _mlContext.DpSgd().BinaryClassification(Toy.BinaryOptions).Invoking(t => t.Fit(_mlContext.Data.LoadFromEnumerable(rows)))
            .Should().Throw<InvalidOperationException>().WithMessage("The feature column 'Features' has a value in row 57 *");
        // Clamping to a range must not hide it.
        _mlContext.DpSgd().BinaryClassification(Toy.BinaryOptions with { FeatureRanges = [new(-1, 1)] }).Invoking(t => t.Fit(_mlContext.Data.LoadFromEnumerable(rows)))
            .Should().Throw<InvalidOperationException>().WithMessage("The feature column 'Features' has a value in row 57 *");

        rows = Toy.Rows(100);
        rows[3].Number = bad;
        _mlContext.DpSgd().Regression(Toy.RegressionOptions).Invoking(t => t.Fit(_mlContext.Data.LoadFromEnumerable(rows)))
            .Should().Throw<InvalidOperationException>().WithMessage("The label column 'Number' has a value in row 3 *")
            .Which.Message.Should().NotContain("ReplaceMissingValues", "a label that is made up teaches what is not so");
    }

    [Theory]
    [InlineData(0, "0 values")]
    [InlineData(1, "1 value")]
    [InlineData(2, "2 values")]
    [InlineData(4, "4 values")]
    [InlineData(null, "0 values")]
    public void Feature_vectors_of_another_length_than_their_type_says_are_refused_with_column_and_row(int? length, string values)
    {
        // Sparse data without ranges: what is missing would else be trained on as zeros.
        var rows = Toy.Rows(100);
        rows[57].Features = length is { } count ? new float[count] : null!;
        var data = _mlContext.Data.LoadFromEnumerable(rows);
        foreach (var options in new[] { Toy.BinaryOptions, Toy.BinaryOptions with { FeatureRanges = [new(-1, 1)] } })
        {
            _mlContext.DpSgd().BinaryClassification(options).Invoking(t => t.Fit(data)).Should().Throw<InvalidOperationException>()
                .WithMessage($"The feature column 'Features' has {values} in row 57 (counted from 0), but must have 3, as its type says.*");
        }
    }

    [Fact]
    public void A_label_that_is_none_of_the_keys_is_refused()
    {
        var rows = Toy.Rows(100);
        rows[99].Class = "d";
        var data = _mlContext.Data.LoadFromEnumerable(rows);
        _mlContext.Label().Append(_mlContext.DpSgd().MulticlassClassification(Toy.Options)).Invoking(t => t.Fit(data))
            .Should().Throw<InvalidOperationException>().WithMessage("The label column 'Label' has a value in row 99 (counted from 0) that is none of its keys. Remove such rows *")
            .Which.Message.Should().NotContain("ReplaceMissingValues");
    }

    [Fact]
    public void Empty_data_are_refused()
    {
        var empty = _mlContext.Data.LoadFromEnumerable(Array.Empty<ToyRow>());
        _mlContext.DpSgd().BinaryClassification(Toy.BinaryOptions).Invoking(t => t.Fit(empty)).Should().Throw<InvalidOperationException>()
            .WithMessage("The training data has no rows*'Features'*'IsPositive'*");
        _mlContext.DpSgd().Regression(Toy.RegressionOptions).Invoking(t => t.Fit(empty)).Should().Throw<InvalidOperationException>().WithMessage("*no rows*");
    }

    [Fact]
    public void One_class_only_is_refused_in_the_rows_and_in_the_type()
    {
        var rows = Toy.Rows(1000).Where(row => row.IsPositive).Take(100).ToList();
        _mlContext.DpSgd().BinaryClassification(Toy.BinaryOptions).Invoking(t => t.Fit(_mlContext.Data.LoadFromEnumerable(rows)))
            .Should().Throw<InvalidOperationException>().WithMessage("All rows are of one class: label column 'IsPositive'*");

        var oneClass = _mlContext.Data.LoadFromEnumerable(Toy.Rows(1000).Where(row => row.Class == "a").Take(100).ToList());
        _mlContext.Label().Append(_mlContext.DpSgd().MulticlassClassification(Toy.Options)).Invoking(t => t.Fit(oneClass))
            .Should().Throw<InvalidOperationException>().WithMessage("All rows are of one class: label column 'Label'*");
        _mlContext.Transforms.Conversion.MapValueToKey("Label", "Class").Append(_mlContext.DpSgd().MulticlassClassification(Toy.Options)).Invoking(t => t.Fit(oneClass))
            .Should().Throw<ArgumentOutOfRangeException>().WithMessage("Schema mismatch for label column 'Label': expected Key<UInt32> of two or more classes, got Key<UInt32, 0-0>*");
    }

    [Fact]
    public void A_model_refuses_data_without_its_features()
    {
        var model = _mlContext.DpSgd().BinaryClassification(Toy.BinaryOptions).Fit(_mlContext.Data());
        var wider = _mlContext.Data.LoadFromEnumerable(Mnist.Read("t10k").Take(1));
        var none = _mlContext.Data.LoadFromEnumerable(new[] { new { Other = 1f } });
        model.Invoking(m => m.Transform(wider)).Should().Throw<ArgumentOutOfRangeException>().WithMessage("*feature column 'Features': expected Vector<Single, 3>, got Vector<Single, 784>*");
        model.Invoking(m => m.GetOutputSchema(none.Schema)).Should().Throw<ArgumentOutOfRangeException>().WithMessage("Could not find feature column 'Features'*");
        model.Invoking(m => m.Transform(null!)).Should().Throw<ArgumentNullException>();
    }

    [Fact]
    public void More_rows_in_a_batch_than_there_are_is_refused() =>
        _mlContext.DpSgd().BinaryClassification(Toy.BinaryOptions with { ExpectedBatchSize = 601 }).Invoking(t => t.Fit(_mlContext.Data(600)))
            .Should().Throw<ArgumentOutOfRangeException>().WithMessage("*ExpectedBatchSize must be from 1 to 600, but it is 601*");

    [Fact]
    public void Feature_ranges_must_be_one_or_as_many_as_features() =>
        _mlContext.DpSgd().BinaryClassification(Toy.BinaryOptions with { FeatureRanges = [new(0, 1), new(0, 1)] }).Invoking(t => t.Fit(_mlContext.Data()))
            .Should().Throw<ArgumentException>().WithMessage("There are 2 FeatureRanges, but feature column 'Features' has 3 values*");

    [Fact]
    public void Options_must_say_one_thing_about_privacy()
    {
        _mlContext.DpSgd().Invoking(d => d.BinaryClassification(new DpSgdTrainerOptions { Delta = 1e-5 }))
            .Should().Throw<ArgumentException>().WithMessage("*exactly one of TargetEpsilon and NoiseMultiplier*neither*");
        _mlContext.DpSgd().Invoking(d => d.BinaryClassification(Toy.Options with { TargetEpsilon = 1 }))
            .Should().Throw<ArgumentException>().WithMessage("*both*");
        _mlContext.DpSgd().Invoking(d => d.Regression(null!)).Should().Throw<ArgumentNullException>();
        _mlContext.DpSgd().Invoking(d => d.BinaryClassification(null!)).Should().Throw<ArgumentNullException>();
    }

    [Fact]
    public void Options_of_regression_are_not_for_classes()
    {
        _mlContext.DpSgd().Invoking(d => d.BinaryClassification(Toy.RegressionOptions))
            .Should().Throw<ArgumentException>().WithMessage("DpSgdRegressionOptions are for Regression*LabelRange*").Which.ParamName.Should().Be("options");
        _mlContext.DpSgd().Invoking(d => d.MulticlassClassification(Toy.RegressionOptions)).Should().Throw<ArgumentException>();
    }

    [Fact]
    public void Options_outside_their_ranges_are_refused_by_name()
    {
        void Refuses(string name, Func<object> make) => make.Should().Throw<ArgumentException>().Which.ParamName.Should().Be(name);
        foreach (var bad in new[] { double.NaN, 0, -1, double.PositiveInfinity })
        {
            Refuses("TargetEpsilon", () => Toy.Options with { TargetEpsilon = bad });
            Refuses("L2NormClip", () => Toy.Options with { L2NormClip = bad });
            Refuses("LearningRate", () => Toy.Options with { LearningRate = bad });
            Refuses("Delta", () => Toy.Options with { Delta = bad });
        }
        Refuses("Delta", () => Toy.Options with { Delta = 1 });
        Refuses("NoiseMultiplier", () => Toy.Options with { NoiseMultiplier = -0.1 });
        Refuses("NoiseMultiplier", () => Toy.Options with { NoiseMultiplier = double.NaN });
        Refuses("NumberOfEpochs", () => Toy.Options with { NumberOfEpochs = 0 });
        Refuses("ExpectedBatchSize", () => Toy.Options with { ExpectedBatchSize = 0 });
        Refuses("HiddenLayers", () => Toy.Options with { HiddenLayers = [8, 0] });
        Refuses("HiddenLayers", () => Toy.Options with { HiddenLayers = null! });
        Refuses("LabelColumnName", () => Toy.Options with { LabelColumnName = " " });
        Refuses("FeatureColumnName", () => Toy.Options with { FeatureColumnName = null! });
        Refuses("FeatureRanges", () => Toy.Options with { FeatureRanges = [default] });
        Refuses("LabelRange", () => Toy.RegressionOptions with { LabelRange = default });
        foreach (var (least, most) in new[] { (1f, 1f), (2f, 1f), (float.NaN, 1f), (0f, float.PositiveInfinity), (-float.MaxValue, float.MaxValue), (0f, float.Epsilon), (0f, 1e-38f) })
            Refuses("maximum", () => new ValueRange(least, most));
    }

    private sealed class DoubleRow
    {
        public bool Label { get; set; }

        [VectorType(3)]
        public double[] Features { get; set; } = new double[3];
    }
}
