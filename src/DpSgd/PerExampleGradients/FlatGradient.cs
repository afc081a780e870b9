using TorchSharp.Modules;
using static TorchSharp.torch;

namespace DpSgd.PerExampleGradients;

/// <summary>
/// Room for one gradient of all trained parameters, side by side in one tensor for each type and device, so that noise and
/// scaling are one pass each.
/// </summary>
internal sealed class FlatGradient : IDisposable
{
    private readonly IReadOnlyList<Tensor> _flats;
    private readonly Dictionary<IntPtr, Tensor> _parts = [];

    public FlatGradient(IEnumerable<Parameter> parameters)
    {
        var flats = new List<Tensor>();
        foreach (var group in parameters.GroupBy(p => (p.dtype, p.device_type, p.device_index)))
        {
            var flat = zeros(group.Sum(p => p.numel()), dtype: group.Key.dtype, device: group.First().device).DetachFromDisposeScope();
            flats.Add(flat);
            var start = 0L;
            foreach (var parameter in group)
            {
                using var slice = flat.narrow(0, start, parameter.numel());
                _parts[parameter.Handle] = slice.view(parameter.shape).DetachFromDisposeScope();
                start += parameter.numel();
            }
        }
        _flats = flats;
    }

    /// <summary>One parameter's part, of its shape; changing it changes this.</summary>
    public Tensor Of(Parameter parameter) => _parts[parameter.Handle];

    public void Zero()
    {
        foreach (var flat in _flats)
            flat.zero_();
    }

    public void Add(FlatGradient other)
    {
        foreach (var (flat, more) in _flats.Zip(other._flats))
            flat.add_(more);
    }

    /// <summary>Adds N(0, standardDeviation^2) to every coordinate.</summary>
    public void AddNoise(NoiseSource noise, double standardDeviation)
    {
        foreach (var flat in _flats)
            noise.AddGaussian(flat, standardDeviation);
    }

    public void DivideBy(double divisor)
    {
        foreach (var flat in _flats)
            flat.div_(divisor);
    }

    public void Dispose()
    {
        foreach (var part in _parts.Values.Concat(_flats))
            part.Dispose();
    }
}
