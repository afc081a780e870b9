using System.Diagnostics;
using DpSgd;
using DpSgd.Accounting;
using MnistCnn.Data;
using MnistCnn.Model;
using MnistCnn.Recipes;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn.functional;

namespace MnistCnn.Training;

/// <summary>Trains a recipe's model, privately or not. What differs between the two is one line in <see cref="Run"/>.</summary>
public sealed class TrainingRun : IDisposable
{
    private readonly MnistData _data;
    private readonly Hyperparameters _hyperparameters;
    private readonly Sequential _model;
    private readonly PoissonDataLoader _loader;
    private readonly OptimizerHelper _optimizer;
    private readonly WeightAverage _average;
    private long _steps;

    /// <summary>Makes the model, the loader and the optimizer.</summary>
    /// <param name="data">What to train and test with, as the recipe's model takes it; it stays the caller's.</param>
    /// <param name="hyperparameters">How.</param>
    public TrainingRun(MnistData data, Hyperparameters hyperparameters)
    {
        _data = data;
        _model = hyperparameters.Recipe == Recipe.Best ? EdgeModel.Create(hyperparameters.Seed) : TutorialModel.Create(hyperparameters.Seed);
        _average = new WeightAverage(_model);
        _loader = new PoissonDataLoader(data.Train.Images, data.Train.Labels, hyperparameters.BatchSize);
        _hyperparameters = hyperparameters.TargetEpsilon is { } epsilon
            ? hyperparameters with { NoiseMultiplier = NoiseFor(epsilon, hyperparameters) }
            : hyperparameters;
        var sgd = optim.SGD(_model.parameters(), hyperparameters.LearningRate, hyperparameters.Momentum);
        _optimizer = hyperparameters.IsPrivate ? MakePrivate(sgd) : sgd;
    }

    /// <summary>How it trains, with the noise multiplier that was chosen for a target.</summary>
    public Hyperparameters Hyperparameters => _hyperparameters;

    private double? Epsilon => (_optimizer as DPOptimizer)?.GetEpsilon(_hyperparameters.Delta);

    /// <summary>A privacy loss distribution takes too long to be asked after every step.</summary>
    private double? EpsilonAfterStep => _hyperparameters.TargetEpsilon is null ? Epsilon : null;

    /// <summary>Trains for all epochs, or until it is told to stop, and tests after each.</summary>
    /// <param name="progress">Hears how it goes.</param>
    /// <param name="stop">Stops training after the current step. The model is tested and the guarantee given all the same.</param>
    public TrainingResult Run(ITrainingProgress progress, CancellationToken stop = default)
    {
        var epochs = new List<EpochResult>();
        for (var epoch = 1; epoch <= _hyperparameters.Epochs && !stop.IsCancellationRequested; epoch++)
        {
            var clock = Stopwatch.StartNew();
            TrainEpoch(epoch, progress, stop);
            var seconds = clock.Elapsed.TotalSeconds;
            epochs.Add(new EpochResult(
                (double)_steps / _loader.Count,
                _steps,
                Evaluation.Accuracy(_model, _data.Test),
                _average.With(() => Evaluation.Accuracy(_model, _data.Test)),
                Finite(Epsilon),
                seconds));
            progress.OnEpoch(epochs[^1]);
        }
        var interrupted = _steps < _hyperparameters.Epochs * _loader.Count;
        return new TrainingResult(epochs, interrupted, (_optimizer as DPOptimizer)?.Guarantee(_hyperparameters.Delta));
    }

    public void Dispose()
    {
        _optimizer.Dispose();
        _loader.Dispose();
        _average.Dispose();
        _model.Dispose();
    }

    /// <summary>This is all that it takes to make an optimizer private.</summary>
    private DPOptimizer MakePrivate(OptimizerHelper optimizer) => new(optimizer, _model, new DPOptimizerOptions
    {
        L2NormClip = _hyperparameters.L2NormClip,
        NoiseMultiplier = _hyperparameters.NoiseMultiplier,
        NumMicrobatches = _hyperparameters.Microbatches,
        Sampling = _loader.Sampling,
        Accountant = _hyperparameters.TargetEpsilon is null ? new RdpAccountant() : new PldAccountant(),   // the tutorial's, or the tighter
    });

    private double NoiseFor(double epsilon, Hyperparameters hyperparameters) => NoiseCalibration.FindNoiseMultiplier(
        epsilon, hyperparameters.Delta, _loader.Sampling.Probability, hyperparameters.Epochs * _loader.Count, () => new PldAccountant());

    private void TrainEpoch(int epoch, ITrainingProgress progress, CancellationToken stop)
    {
        var mean = new RunningMean();
        var step = 0L;
        _average.Restart();
        foreach (var (images, labels) in _loader)
        {
            TrainStep(images, labels, mean);
            _average.Add();
            _steps++;
            progress.OnStep(new StepProgress(epoch, ++step, _loader.Count, mean.Loss, mean.Accuracy, EpsilonAfterStep));
            if (stop.IsCancellationRequested)
                break;
        }
    }

    private void TrainStep(Tensor images, Tensor labels, RunningMean mean)
    {
        var isEmpty = images.shape[0] == 0;
        if (isEmpty && !_hyperparameters.IsPrivate)
            return;   // ordinary training has nothing to learn here; a private step adds its noise all the same

        using var scope = NewDisposeScope();
        _optimizer.zero_grad();
        var logits = _model.call(images);
        var loss = Loss(logits, labels);
        loss.backward();
        _optimizer.step();
        mean.Add(loss.ToDouble(), isEmpty ? 0 : Evaluation.CountCorrect(logits, labels), images.shape[0]);
    }

    /// <summary>The mean over the examples, and over the answers of a model that gives several.</summary>
    private static Tensor Loss(Tensor logits, Tensor labels) =>
        cross_entropy(logits, logits.dim() == 2 ? labels : labels.unsqueeze(1).expand(-1, logits.shape[2]));

    private static double? Finite(double? value) => value is { } number && double.IsFinite(number) ? number : null;
}
