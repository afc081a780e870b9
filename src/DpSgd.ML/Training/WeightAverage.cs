using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace DpSgd.ML.Training;

/// <summary>
/// The mean of the weights over the last steps (Polyak and Juditsky, "Acceleration of Stochastic Approximation by
/// Averaging", 1992). Most of what the noise did to single weights cancels in it, and it costs no privacy: the guarantee
/// covers the weights after every step.
/// </summary>
internal sealed class WeightAverage(IReadOnlyList<Parameter> parameters) : IDisposable
{
    private readonly List<Tensor> _sums = [.. parameters.Select(parameter => zeros(parameter.shape, ScalarType.Float64).DetachFromDisposeScope())];
    private long _count;

    /// <summary>Counts the weights as they are now.</summary>
    public void Add()
    {
        using var scope = NewDisposeScope();
        using var off = no_grad();
        for (var i = 0; i < _sums.Count; i++)
            _sums[i].add_(parameters[i]);
        _count++;
    }

    /// <summary>Replaces the weights by their mean.</summary>
    public void Apply()
    {
        using var scope = NewDisposeScope();
        using var off = no_grad();
        for (var i = 0; i < _sums.Count; i++)
            parameters[i].copy_(_sums[i] / _count);
    }

    public void Dispose() => _sums.ForEach(sum => sum.Dispose());
}
