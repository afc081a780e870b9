using System.Reflection;
using DpSgd.ML.Tests.TestKit;
using Microsoft.ML;
using static TorchSharp.torch;

namespace DpSgd.ML.Tests.Training;

/// <summary>What training says while it runs, how it stops, and that it leaves nothing behind.</summary>
public class ProgressTests
{
    private readonly MLContext _mlContext = new(seed: 0);

    [Fact]
    public void Each_epoch_is_reported_with_what_was_spent()
    {
        var messages = new List<string>();
        _mlContext.Log += (_, message) =>
        {
            if (message.Source.StartsWith("DpSgdTrainer; Training", StringComparison.Ordinal))
                messages.Add(message.RawMessage);
        };
        var model = _mlContext.DpSgd().BinaryClassification(Toy.BinaryOptions with { NumberOfEpochs = 3 }).Fit(_mlContext.Data());
        messages.Where(m => m.StartsWith("Epoch", StringComparison.Ordinal)).Should().HaveCount(3);
        messages.Should().Contain(FormattableString.Invariant($"Epoch 3 of 3: 30 private steps, epsilon {model.Guarantee.Epsilon:F3} spent at delta 0.0001."));
    }

    [Fact]
    public void A_cancelled_token_stops_training_within_a_step()
    {
        using var source = new CancellationTokenSource();
        var epochs = 0;
        _mlContext.Log += (_, message) =>
        {
            if (message.RawMessage.StartsWith("Epoch", StringComparison.Ordinal) && ++epochs == 2)
                source.Cancel();
        };
        var options = Toy.BinaryOptions with { NumberOfEpochs = 1_000_000, CancellationToken = source.Token };
        _mlContext.DpSgd().BinaryClassification(options).Invoking(t => t.Fit(_mlContext.Data())).Should().Throw<OperationCanceledException>();
        epochs.Should().Be(2);

        // And before it has begun, while it still reads.
        _mlContext.DpSgd().BinaryClassification(options).Invoking(t => t.Fit(_mlContext.Data())).Should().Throw<OperationCanceledException>();
        epochs.Should().Be(2);
    }

    [Fact]
    public void A_context_that_ML_NET_cancels_stops_training()
    {
        var cancel = typeof(MLContext).GetMethod("CancelExecution", BindingFlags.Instance | BindingFlags.NonPublic)!;
        var epochs = 0;
        _mlContext.Log += (_, message) =>
        {
            if (message.RawMessage.StartsWith("Epoch", StringComparison.Ordinal) && ++epochs == 2)
                cancel.Invoke(_mlContext, null);
        };
        _mlContext.DpSgd().BinaryClassification(Toy.BinaryOptions with { NumberOfEpochs = 1_000_000 }).Invoking(t => t.Fit(_mlContext.Data()))
            .Should().Throw<OperationCanceledException>();
        epochs.Should().Be(2);
    }

    [Fact]
    public void No_tensor_outlives_training_whether_it_ends_or_is_stopped()
    {
        // TorchSharp's own count does not go down by all of a disposed network's tensors: what it keeps is subtracted.
        var ofNetwork = Left(() =>
        {
            using var network = nn.Sequential(nn.Linear(ToyRow.FeatureCount, 4), nn.Tanh(), nn.Linear(4, 1));
        });
        Left(() => Train(CancellationToken.None)).Should().Be(ofNetwork);

        using var source = new CancellationTokenSource();
        _mlContext.Log += (_, message) =>
        {
            if (message.RawMessage.StartsWith("Epoch", StringComparison.Ordinal))
                source.Cancel();
        };
        Left(() => Train(source.Token)).Should().Be(ofNetwork);

        void Train(CancellationToken token)
        {
            try
            {
                _mlContext.DpSgd().BinaryClassification(Toy.BinaryOptions with { HiddenLayers = [4], CancellationToken = token }).Fit(_mlContext.Data());
            }
            catch (OperationCanceledException)
            {
            }
        }
    }

    /// <summary>How many tensors more there are after an action, which has been done once before.</summary>
    private static long Left(Action action)
    {
        var before = Settled();
        action();
        return Settled() - before;
    }

    private static long Settled()
    {
        GC.Collect();
        GC.WaitForPendingFinalizers();
        GC.Collect();
        GC.WaitForPendingFinalizers();
        return Tensor.TotalCount;
    }
}
