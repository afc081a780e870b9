using TorchSharp;
using static TorchSharp.torch;

namespace DpSgd.PerExampleGradients;

/// <summary>
/// Memory for what a layer rule makes and throws away at once, and how much of it there may be. It is kept from step to
/// step: new memory would have to be mapped page by page, which takes longer than filling it.
/// </summary>
/// <param name="budget">How many bytes an intermediate result may have, as long as it is of more than one example or microbatch.</param>
internal sealed class Workspace(long budget = DPOptimizerOptions.DefaultMemoryBudget) : IDisposable
{
    private readonly Dictionary<ScalarType, Tensor> _buffers = [];

    /// <summary>How many of so many things can be worked on at a time, if one takes so many bytes: at least one.</summary>
    public long AtATime(long count, long bytesOfOne) => Math.Clamp(budget / Math.Max(1, bytesOfOne), 1, Math.Max(1, count));

    /// <summary>Divides things into parts that can be worked on at a time.</summary>
    public IEnumerable<(long First, long Count)> Parts(long count, long bytesOfOne)
    {
        var atATime = AtATime(count, bytesOfOne);
        for (var first = 0L; first < count; first += atATime)
            yield return (first, Math.Min(atATime, count - first));
    }

    /// <summary>One number for each of so many things, computed part by part: [count], in double precision.</summary>
    public Tensor ByParts(long count, long bytesOfOne, Func<long, long, Tensor> numbers)
    {
        using var scope = NewDisposeScope();
        var parts = new List<Tensor>();
        foreach (var (first, size) in Parts(count, bytesOfOne))
        {
            using var inner = NewDisposeScope();
            parts.Add(numbers(first, size).MoveToOuterDisposeScope());
        }
        return (parts.Count == 1 ? parts[0] : cat(parts, 0)).MoveToOuterDisposeScope();
    }

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
