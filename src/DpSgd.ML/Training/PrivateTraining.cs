using System.Globalization;
using DpSgd.Accounting;
using DpSgd.ML.Scoring;
using DpSgd.ML.Tasks;
using Microsoft.ML.Runtime;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;
using TensorPrimitives = System.Numerics.Tensors.TensorPrimitives;

namespace DpSgd.ML.Training;

/// <summary>One training from its rows to its parameters.</summary>
internal sealed class PrivateTraining(
    DpSgdTrainerOptions options, PredictionHead head, TrainingRows rows, IChannel channel, Cancellation cancellation)
{
    public DpSgdModelParameters Run()
    {
        var run = Plan();
        using var network = MakeNetwork();
        using var loader = RowBatches.Loader(rows, run.BatchSize);
        using var optimizer = new DPOptimizer(new ManagedAdam([.. network.parameters()], options.LearningRate), network, new DPOptimizerOptions
        {
            L2NormClip = options.L2NormClip,
            NoiseMultiplier = run.NoiseMultiplier,
            Sampling = loader.Sampling,
        });
        for (var epoch = 1; optimizer.Steps < run.Steps; epoch++)
        {
            Epoch(network, loader, optimizer, run.Steps);
            Report(epoch, optimizer);
        }
        // The run says what was meant to happen, the ledger what did.
        var guarantee = DpSgdPrivacy.Guarantee(run) with { Epsilon = optimizer.GetEpsilon(run.Delta) };
        return new(Parameters(network), head, guarantee);
    }

    /// <summary>Decides on noise and number of steps. Of the data it uses only how many rows there are.</summary>
    private DpSgdRun Plan()
    {
        var batchSize = options.BatchSize(rows.Count);
        Guard.Between(1, rows.Count, batchSize, nameof(options.ExpectedBatchSize));
        var run = new DpSgdRun
        {
            NumberOfExamples = rows.Count,
            BatchSize = batchSize,
            Epochs = options.NumberOfEpochs,
            Delta = options.Delta,
            NoiseMultiplier = options.NoiseMultiplier ?? 0,
        };
        if (options.TargetEpsilon is { } epsilon)
            run = run with { NoiseMultiplier = NoiseCalibration.FindNoiseMultiplier(epsilon, run.Delta, run.SamplingProbability, run.Steps) };
        if (run.Delta * run.NumberOfExamples >= 1)
            Log(channel.Warning, $"Delta, {run.Delta}, is not below one over the number of rows, {run.NumberOfExamples}: it would allow to publish a row as it is.");
        if (options.FeatureRanges.Count == 0)
            Log(channel.Warning, $"No {nameof(options.FeatureRanges)} are given: the features are taken as they come, and should lie between about -1 and 1. Larger ones train badly, since gradients grow with them and are clipped.");
        Log(channel.Info, $"Training with noise multiplier {run.NoiseMultiplier:G5} for {run.Steps} steps in batches of {run.BatchSize} on average.");
        return run;
    }

    private Sequential MakeNetwork()
    {
        var modules = new List<Module<Tensor, Tensor>>();
        var width = rows.FeatureCount;
        foreach (var hidden in options.HiddenLayers)
        {
            modules.AddRange([Linear(width, hidden), Tanh()]);
            width = hidden;
        }
        var last = Linear(width, head.Outputs);
        // All classes alike at first: what a random start would give away, noise would have to be learned against.
        init.zeros_(last.weight!);
        init.zeros_(last.bias!);
        return Sequential([.. modules, last]);
    }

    private void Epoch(Sequential network, DPDataLoader<(Tensor Features, Tensor Labels)> loader, DPOptimizer optimizer, long steps)
    {
        foreach (var (features, labels) in loader)
        {
            cancellation.ThrowIfCancelled();
            using (NewDisposeScope())
            {
                optimizer.zero_grad();
                head.Loss(network.call(features), labels).backward();
                optimizer.step();
            }
            if (optimizer.Steps == steps)
                break;
        }
    }

    /// <summary>Says what was spent. No loss and no batch size: they depend on the rows, and logs are read by many.</summary>
    private void Report(int epoch, DPOptimizer optimizer) => Log(
        channel.Info,
        $"Epoch {epoch} of {options.NumberOfEpochs}: {optimizer.Steps} private steps, epsilon {optimizer.GetEpsilon(options.Delta):F3} spent at delta {options.Delta}.");

    private DenseNetwork Parameters(Sequential network)
    {
        var layers = network.children().OfType<Linear>().Select(linear => new DenseLayer(
            checked((int)linear.in_features), linear.weight!.data<float>().ToArray(), linear.bias!.data<float>().ToArray())).ToList();
        return layers.TrueForAll(layer => IsFinite(layer.Weights.Span) && IsFinite(layer.Bias.Span))
            ? new(options.FeatureRanges, layers)
            : throw new InvalidOperationException($"Training diverged: the weights are not finite. Use a smaller {nameof(options.LearningRate)} than {options.LearningRate}.");
    }

    private static bool IsFinite(ReadOnlySpan<float> values) => float.IsFinite(TensorPrimitives.MaxMagnitude(values));

    private static void Log(Action<MessageSensitivity, string> log, FormattableString message) =>
        log(MessageSensitivity.None, message.ToString(CultureInfo.InvariantCulture));
}
