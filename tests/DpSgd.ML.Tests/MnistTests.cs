using DpSgd.ML.Tests.TestKit;
using Microsoft.ML;

namespace DpSgd.ML.Tests;

public class MnistTests
{
    [Fact]
    public void MNIST_streams_through_a_data_view_and_is_learned()
    {
        var mlContext = new MLContext();
        var trainer = mlContext.DpSgd().MulticlassClassification(
            targetEpsilon: 3, delta: 1e-5, hiddenLayers: [64], numberOfEpochs: 6, expectedBatchSize: 1000);
        var model = trainer.Fit(mlContext.Data.LoadFromEnumerable(Mnist.Read("train")));

        model.Guarantee.Run.NumberOfExamples.Should().Be(60_000);
        model.Guarantee.Epsilon.Should().BeInRange(2.99, 3);
        var metrics = mlContext.MulticlassClassification.Evaluate(model.Transform(mlContext.Data.LoadFromEnumerable(Mnist.Read("t10k"))));
        metrics.MicroAccuracy.Should().BeGreaterThan(0.9);
    }
}
