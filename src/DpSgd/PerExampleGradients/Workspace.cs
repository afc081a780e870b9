using TorchSharp;
using static TorchSharp.torch;

namespace DpSgd.PerExampleGradients;

/// <summary>
/// Memory for what a layer rule makes and throws away at once. It is kept from step to step: new memory would have to be
/// mapped page by page, which takes longer than filling it.
/// </summary>
internal sealed class Workspace : IDisposable
{
    private readonly Dictionary<ScalarType, Tensor> _buffers = [];

    /// <summary>A tensor on the CPU with undefined contents, good until the next call.</summary>
    public Tensor Rent(ScalarType type, params long[] shape)
    {
        var count = 1L;
        foreach (var size in shape)
            count *= size;
        if (!_buffers.TryGetValue(type, out var buffer) || buffer.numel() < count)
        {
            buffer?.Dispose();
            _buffers[type] = buffer = empty(count, dtype: type).DetachFromDisposeScope();
        }
        return buffer.narrow(0, 0, count).view(shape);
    }

    public void Dispose()
    {
        foreach (var buffer in _buffers.Values)
            buffer.Dispose();
        _buffers.Clear();
    }
}
