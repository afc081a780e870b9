using System.Diagnostics;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace DpSgd.Benchmarks.Overhead;

/// <summary>One model in training, privately or not, one step at a time.</summary>
internal sealed class Trainer : IDisposable
{
    private readonly Module<Tensor, Tensor> _model;
    private readonly OptimizerHelper _optimizer;
    private readonly Tensor _x;
    private readonly Tensor _y;
    private readonly Dictionary<StepPhase, double> _phases = [];
    private long _mark;

    public Trainer(Workload workload, bool isPrivate, int? batchSize = null)
    {
        var size = batchSize ?? workload.BatchSize;
        _x = workload.MakeBatch(size);
        _y = randint(10, [size], dtype: ScalarType.Int64);
        _model = workload.MakeModel();
        var sgd = optim.SGD(_model.parameters(), 0.01);
        _optimizer = isPrivate ? MakePrivate(sgd, size) : sgd;
    }

    /// <summary>Milliseconds of the last private step, by what they were spent on.</summary>
    public IReadOnlyDictionary<StepPhase, double> Phases => _phases;

    /// <summary>Milliseconds of the last step's forward and backward passes.</summary>
    public double Passes { get; private set; }

    /// <summary>Takes a step on the batch.</summary>
    /// <returns>Milliseconds that it took.</returns>
    public double Step()
    {
        var start = Stopwatch.GetTimestamp();
        using var scope = NewDisposeScope();
        _optimizer.zero_grad();
        functional.cross_entropy(_model.call(_x), _y).backward();
        Passes = Stopwatch.GetElapsedTime(start).TotalMilliseconds;
        _mark = Stopwatch.GetTimestamp();
        _optimizer.step();
        return Stopwatch.GetElapsedTime(start).TotalMilliseconds;
    }

    /// <summary>The gradients of as many examples, one backward pass each, clipped and summed: what per-example gradients cost without layer rules.</summary>
    /// <returns>Milliseconds that a whole batch would take.</returns>
    public double LoopOver(int examples)
    {
        var start = Stopwatch.GetTimestamp();
        using var scope = NewDisposeScope();
        var parameters = _model.parameters().ToList();
        var sums = parameters.Select(p => zeros_like(p, requires_grad: false)).ToList();
        for (var i = 0; i < examples; i++)
        {
            using var inner = NewDisposeScope();
            _optimizer.zero_grad();
            functional.cross_entropy(_model.call(_x.narrow(0, i, 1)), _y.narrow(0, i, 1)).backward();
            var gradients = parameters.Select(p => p.grad!).ToList();
            var norm = Math.Sqrt(gradients.Sum(g => g.square().sum().ToSingle()));
            for (var j = 0; j < sums.Count; j++)
                sums[j].add_(gradients[j], alpha: Math.Min(1, 1 / norm));
        }
        return Stopwatch.GetElapsedTime(start).TotalMilliseconds / examples * _x.shape[0];
    }

    public void Dispose()
    {
        _optimizer.Dispose();
        _model.Dispose();
        _x.Dispose();
        _y.Dispose();
    }

    private DPOptimizer MakePrivate(OptimizerHelper optimizer, int batchSize)
    {
        var made = new DPOptimizer(optimizer, _model, new DPOptimizerOptions
        {
            L2NormClip = 1,
            NoiseMultiplier = 1,
            Sampling = new PoissonSampling(batchSize / 60_000.0, 60_000),
        });
        made.PhaseEnded = phase =>
        {
            _phases[phase] = Stopwatch.GetElapsedTime(_mark).TotalMilliseconds;
            _mark = Stopwatch.GetTimestamp();
        };
        return made;
    }
}
