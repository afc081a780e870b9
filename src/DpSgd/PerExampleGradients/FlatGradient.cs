using DpSgd.Clipping;
using TorchSharp;
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
        foreach (var group in parameters.GroupBy(p => (Type: SumType(p.dtype), p.device_type, p.device_index)))
        {
            var flat = zeros(group.Sum(p => p.numel()), dtype: group.Key.Type, device: group.First().device).DetachFromDisposeScope();
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

    /// <summary>One parameter's part, of its shape; changing it changes this. Sums and noise of numbers of 16 bits are of 32.</summary>
    public Tensor Of(Parameter parameter) => _parts[parameter.Handle];

    /// <summary>How many numbers it has.</summary>
    public long Length => _flats.Sum(flat => flat.numel());

    /// <summary>The same for the parameter's <c>grad</c>, which must be of its type.</summary>
    public Tensor GradOf(Parameter parameter) => Of(parameter).to(parameter.dtype);

    public void Zero()
    {
        foreach (var flat in _flats)
            flat.zero_();
    }

    public void Add(FlatGradient other)
    {
        foreach (var (flat, more) in _flats.Zip(other._flats))
            flat.Increase(more);
    }

    /// <summary>Adds noise to every coordinate.</summary>
    public void AddNoise(NoiseSource noise, double standardDeviation)
    {
        foreach (var flat in _flats)
            noise.AddTo(flat, standardDeviation);
    }

    public void DivideBy(double divisor)
    {
        foreach (var flat in _flats)
            flat.Divide(divisor);
    }

    private static ScalarType SumType(ScalarType type) => type == ScalarType.BFloat16 ? ScalarType.Float32 : type;

    public void Dispose()
    {
        foreach (var part in _parts.Values.Concat(_flats))
            part.Dispose();
    }
}
