using TorchSharp;
using static TorchSharp.torch;

namespace DpSgd.PerExampleGradients;

/// <summary>
/// Memory for what the layer rules make, and how much of it there may be. It stays from step to step: new memory would have
/// to be mapped page by page, which takes longer than filling it.
/// </summary>
/// <param name="budget">
/// How many bytes may be made of more than one example at a time, and how many of what was made for the norms may be kept
/// for the sums, which would else make it again.
/// </param>
internal sealed class Workspace(long budget = DPOptimizerOptions.DefaultMemoryBudget) : IDisposable
{
    /// <summary>What is made and thrown away at once is to stay in the processor's cache.</summary>
    private const long BytesAtATime = 4 << 20;

    private readonly Dictionary<ScalarType, Tensor> _rented = [];
    private readonly List<Tensor> _kept = [];
    private int _inUse;
    private long _bytesInUse;

    /// <summary>How many of so many things can be worked on at a time, if one takes so many bytes: at least one.</summary>
    public long AtATime(long count, long bytesOfOne) => Math.Clamp(Math.Min(budget, BytesAtATime) / Math.Max(1, bytesOfOne), 1, Math.Max(1, count));

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
        if (!_rented.TryGetValue(type, out var buffer) || buffer.numel() < Count(shape))
        {
            buffer?.Dispose();
            _rented[type] = buffer = empty(Count(shape), dtype: type).DetachFromDisposeScope();
        }
        return buffer.narrow(0, 0, Count(shape)).view(shape);
    }

    /// <summary>Whether so many bytes more may be kept.</summary>
    public bool HasRoom(long bytes) => _bytesInUse + bytes <= budget;

    /// <summary>A tensor on the CPU with undefined contents, good until <see cref="Release"/>; or null where there is no room left.</summary>
    public Tensor? Keep(ScalarType type, params long[] shape)
    {
        var bytes = Count(shape) * type.ElementSize();
        if (!HasRoom(bytes))
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
