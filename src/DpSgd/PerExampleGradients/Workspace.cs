using TorchSharp;
using static TorchSharp.torch;

namespace DpSgd.PerExampleGradients;

/// <summary>
/// Memory for what the layer rules make. It stays from step to step: new memory would have to be mapped page by page, which
/// takes longer than filling it.
/// </summary>
/// <param name="bytesToKeep">How much of what was made for the norms may be kept for the sums, which would else make it again.</param>
internal sealed class Workspace(long bytesToKeep = 64L << 20) : IDisposable
{
    private readonly Dictionary<ScalarType, Tensor> _rented = [];
    private readonly List<Tensor> _kept = [];
    private int _inUse;
    private long _bytesInUse;

    /// <summary>A tensor on the CPU with undefined contents, good until the next call.</summary>
    public Tensor Rent(ScalarType type, params long[] shape)
    {
        if (!_rented.TryGetValue(type, out var buffer) || buffer.numel() < Count(shape))
        {
            buffer?.Dispose();
            _rented[type] = buffer = empty(Count(shape), dtype: type).DetachFromDisposeScope();
        }
        return buffer.narrow(0, 0, Count(shape)).view(shape);
    }

    /// <summary>A tensor on the CPU with undefined contents, good until <see cref="Release"/>; or null where there is no room left.</summary>
    public Tensor? Keep(ScalarType type, params long[] shape)
    {
        var bytes = Count(shape) * type.ElementSize();
        if (_bytesInUse + bytes > bytesToKeep)
            return null;
        _bytesInUse += bytes;
        // A step asks for the same as the last one, in the same order; only the number of examples varies.
        if (_inUse < _kept.Count && (_kept[_inUse].dtype != type || _kept[_inUse].numel() < Count(shape)))
        {
            foreach (var tooSmall in _kept.Skip(_inUse))
                tooSmall.Dispose();
            _kept.RemoveRange(_inUse, _kept.Count - _inUse);
        }
        if (_inUse == _kept.Count)
            _kept.Add(empty(Count(shape), dtype: type).DetachFromDisposeScope());
        return _kept[_inUse++].narrow(0, 0, Count(shape)).view(shape);
    }

    /// <summary>Ends the use of all that was kept.</summary>
    public void Release()
    {
        _inUse = 0;
        _bytesInUse = 0;
    }

    public void Dispose()
    {
        foreach (var buffer in _rented.Values.Concat(_kept))
            buffer.Dispose();
        _rented.Clear();
        _kept.Clear();
        Release();
    }

    private static long Count(long[] shape) => shape.Aggregate(1L, (product, size) => product * size);
}
