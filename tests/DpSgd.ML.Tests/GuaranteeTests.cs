using DpSgd.Accounting;
using DpSgd.ML.Tests.TestKit;
using Microsoft.ML;

namespace DpSgd.ML.Tests;

/// <summary>The epsilon that a model carries is the accountant's for the steps that were taken.</summary>
public class GuaranteeTests
{
    private readonly MLContext _mlContext = new(seed: 0);

    [Theory]
    [InlineData(600, 60, 2, 20)]
    [InlineData(601, 60, 2, 21)]     // 2 * 601 / 60, rounded up
    [InlineData(599, 100, 3, 18)]
    [InlineData(50, 50, 1, 1)]       // every row in every batch
    public void Epsilon_is_the_accountants(int rows, int batch, int epochs, int steps)
    {
        var model = _mlContext.DpSgd().BinaryClassification(Toy.BinaryOptions with { ExpectedBatchSize = batch, NumberOfEpochs = epochs }).Fit(_mlContext.Data(rows));
        var accountant = new RdpAccountant();
        accountant.Compose(new PoissonSampledDpEvent((double)batch / rows, new GaussianDpEvent(1)), steps);
        model.Guarantee.Epsilon.Should().Be(accountant.GetEpsilon(1e-4));
        model.Guarantee.Run.Steps.Should().Be(steps);
        model.Model.Guarantee.Should().Be(model.Guarantee);
        model.Model.Statement.Should().StartWith(FormattableString.Invariant($"DP-SGD with sampling rate = {100.0 * batch / rows:G3}% and noise_multiplier = 1.0 iterated over {steps} steps"));
    }

    [Theory]
    [InlineData(4, 1)]
    [InlineData(150, 15)]
    [InlineData(3000, 256)]
    public void A_batch_is_a_tenth_of_the_rows_where_nothing_is_said(int rows, int batch)
    {
        var options = Toy.BinaryOptions with { ExpectedBatchSize = null, NumberOfEpochs = 1 };
        _mlContext.DpSgd().BinaryClassification(options).Fit(_mlContext.Data(rows)).Guarantee.Run.BatchSize.Should().Be(batch);
    }

    [Theory]
    [InlineData(0.5)]
    [InlineData(3)]
    public void A_target_epsilon_is_kept_and_used_up(double target)
    {
        var trainers = new[]
        {
            _mlContext.DpSgd().MulticlassClassification(target, 1e-5, numberOfEpochs: 3, expectedBatchSize: 50),
            _mlContext.DpSgd().BinaryClassification(target, 1e-5, nameof(ToyRow.IsPositive), numberOfEpochs: 3, expectedBatchSize: 50),
            _mlContext.DpSgd().Regression(target, 1e-5, Toy.NumberRange, nameof(ToyRow.Number), numberOfEpochs: 3, expectedBatchSize: 50),
        };
        foreach (var trainer in trainers)
        {
            var guarantee = trainer.Fit(_mlContext.Keyed()).Guarantee;
            guarantee.Epsilon.Should().BeInRange(target * 0.999, target);
            guarantee.Run.NoiseMultiplier.Should().Be(NoiseCalibration.FindNoiseMultiplier(target, 1e-5, 50.0 / 600, 36));
        }
    }

    [Fact]
    public void Without_noise_epsilon_is_infinite() =>
        _mlContext.DpSgd().BinaryClassification(Toy.BinaryOptions with { NoiseMultiplier = 0 }).Fit(_mlContext.Data())
            .Guarantee.Epsilon.Should().Be(double.PositiveInfinity);

    [Fact]
    public void Two_models_from_the_same_rows_differ_since_nothing_is_seeded()
    {
        var first = new MLContext(seed: 1).DpSgd().BinaryClassification(Toy.BinaryOptions).Fit(_mlContext.Data());
        var second = new MLContext(seed: 1).DpSgd().BinaryClassification(Toy.BinaryOptions).Fit(_mlContext.Data());
        first.Model.Layers[0].Weights.ToArray().Should().NotEqual(second.Model.Layers[0].Weights.ToArray());
    }

    [Fact]
    public void Much_noise_drowns_the_data_and_little_does_not()
    {
        // A check that the noise really reaches the weights: the same training, with one part in a thousand of the noise.
        double Accuracy(double noise)
        {
            var model = _mlContext.DpSgd().BinaryClassification(Toy.BinaryOptions with { NoiseMultiplier = noise, NumberOfEpochs = 10 }).Fit(_mlContext.Data());
            return _mlContext.BinaryClassification.Evaluate(model.Transform(_mlContext.Data(2000, seed: 1)), nameof(ToyRow.IsPositive)).Accuracy;
        }
        Accuracy(0.1).Should().BeGreaterThan(0.85);
        // Noise alone gives a random direction: its accuracy is spread evenly from 0 to 1, but of twenty not all are good.
        Enumerable.Range(0, 20).Select(_ => Accuracy(1000)).Min().Should().BeLessThan(0.8, "the chance of this failing is below 1e-13");
    }

    [Fact]
    public void A_large_delta_is_warned_of() =>
        Warnings(Toy.BinaryOptions with { Delta = 1.0 / 600 }).Should().ContainSingle(w => w.Contains("not below one over the number of rows, 600"));

    [Fact]
    public void Features_without_ranges_are_warned_of()
    {
        Warnings(Toy.BinaryOptions).Should().ContainSingle().Which.Should().StartWith("No FeatureRanges are given");
        Warnings(Toy.BinaryOptions with { FeatureRanges = [new(-1, 1)] }).Should().BeEmpty();
    }

    private List<string> Warnings(DpSgdTrainerOptions options)
    {
        var warnings = new List<string>();
        _mlContext.Log += (_, message) =>
        {
            if (message.Kind == Microsoft.ML.Runtime.ChannelMessageKind.Warning)
                warnings.Add(message.RawMessage);
        };
        _mlContext.DpSgd().BinaryClassification(options).Fit(_mlContext.Data());
        return warnings;
    }
}
