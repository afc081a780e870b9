using System.Diagnostics;
using DpSgd.ML.Tests.TestKit;
using Microsoft.ML;

namespace DpSgd.ML.Tests.Training;

/// <summary>
/// TorchSharp's numbers are freed by the garbage collector, even while libtorch reads them. Nothing that a step does may
/// make one and let go of it: with another thread that collects over and over, such a step soon throws.
/// </summary>
public class StressTests
{
    private static readonly TimeSpan Duration = TimeSpan.FromSeconds(1.5);
    private readonly MLContext _mlContext = new(seed: 0);

    [Fact]
    public void Multiclass_trains_while_another_thread_collects() =>
        TrainsWhileCollecting(_mlContext.DpSgd().MulticlassClassification(Options), _mlContext.Keyed());

    [Fact]
    public void Binary_trains_while_another_thread_collects() =>
        TrainsWhileCollecting(_mlContext.DpSgd().BinaryClassification(Options with { LabelColumnName = nameof(ToyRow.IsPositive) }), _mlContext.Data());

    [Fact]
    public void Regression_trains_while_another_thread_collects() =>
        TrainsWhileCollecting(_mlContext.DpSgd().Regression(Toy.RegressionOptions with { HiddenLayers = [8], NumberOfEpochs = 1 }), _mlContext.Data());

    private static DpSgdTrainerOptions Options => Toy.Options with { HiddenLayers = [8], NumberOfEpochs = 1 };

    private static void TrainsWhileCollecting(DpSgdTrainer trainer, IDataView data)
    {
        using var stop = new CancellationTokenSource();
        var collections = GC.CollectionCount(0);
        var collector = new Thread(() =>
        {
            while (!stop.IsCancellationRequested)
            {
                _ = new byte[1000];
                GC.Collect(0);
                Thread.Sleep(0);   // or the trainer would hardly come to its turn
            }
        });
        collector.Start();
        try
        {
            for (var watch = Stopwatch.StartNew(); watch.Elapsed < Duration;)
            {
                var model = trainer.Fit(data);
                model.Guarantee.Run.Steps.Should().Be(10);
                model.Model.Layers.Should().OnlyContain(layer => layer.Weights.ToArray().All(float.IsFinite));
            }
        }
        finally
        {
            stop.Cancel();
            collector.Join();
        }
        (GC.CollectionCount(0) - collections).Should().BeGreaterThan(20);
    }
}
