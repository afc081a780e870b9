using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace MnistCnn.Training;

/// <summary>
/// The average of a model's weights over the steps of an epoch (Polyak and Juditsky, 1992). The noise of single steps
/// averages out, so it is usually the better model, and it costs nothing: the guarantee covers the weights after every
/// step, and so whatever is computed from them.
/// </summary>
public sealed class WeightAverage : IDisposable
{
    private readonly IReadOnlyList<Parameter> _weights;
    private readonly IReadOnlyList<Tensor> _averages;
    private long _count;

    /// <summary>Starts an average of nothing.</summary>
    /// <param name="model">The model, which stays the caller's.</param>
    public WeightAverage(nn.Module model)
    {
        _weights = model.parameters().ToList();
        _averages = _weights.Select(weight => zeros_like(weight, requires_grad: false).DetachFromDisposeScope()).ToList();
    }

    /// <summary>Forgets what was added.</summary>
    public void Restart() => _count = 0;

    /// <summary>Adds the weights as they are now.</summary>
    public void Add()
    {
        using var noGradient = no_grad();
        _count++;
        foreach (var (average, weight) in _averages.Zip(_weights))
            average.mul_(1 - 1.0 / _count).add_(weight, alpha: 1.0 / _count);
    }

    /// <summary>Does something with the average in the model, and puts the weights back.</summary>
    public T With<T>(Func<T> use)
    {
        using var noGradient = no_grad();
        using var scope = NewDisposeScope();
        var kept = _weights.Select(weight => weight.clone()).ToList();
        try
        {
            Set(_averages);
            return use();
        }
        finally
        {
            Set(kept);
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var average in _averages)
            average.Dispose();
    }

    private void Set(IReadOnlyList<Tensor> values)
    {
        foreach (var (weight, value) in _weights.Zip(values))
            weight.copy_(value);
    }
}
