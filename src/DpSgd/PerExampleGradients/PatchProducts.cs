using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using DpSgd.Clipping;
using TorchSharp;
using static TorchSharp.torch;

namespace DpSgd.PerExampleGradients;

/// <summary>
/// The gradient of a convolution's kernel for each example, on the CPU: for each group of channels, the sum over positions
/// of one tensor's value at the position times the patch of another that the kernel sees from there. One example at a time
/// is made, used and forgotten, so that it never leaves the processor's cache.
/// </summary>
/// <param name="patches">The patches.</param>
/// <param name="groups">Number of groups.</param>
/// <param name="values">[B, channels, positions], contiguous: what is multiplied with the patches.</param>
/// <param name="input">[B, channels, ...], contiguous: what the patches are taken of.</param>
/// <param name="workspace">Memory.</param>
/// <typeparam name="T">The tensors' type: float or double.</typeparam>
internal sealed unsafe class PatchProducts<T>(Patches patches, int groups, Tensor values, Tensor input, Workspace workspace) : IPatchProducts
    where T : unmanaged, IFloatingPointIeee754<T>
{
    /// <summary>So many bytes of patches are made at a time: a part of what the fast cache of one core holds.</summary>
    private const int PatchBytesAtATime = 64 << 10;

    /// <summary>Below so many multiplications a second thread costs more than it saves.</summary>
    private const long MultiplicationsWorthThreads = 200_000_000;

    private readonly int _examples = (int)values.shape[0];
    private readonly int _positions = patches.Positions;
    private readonly int _rows = (int)values.shape[1] / groups;
    private readonly int _columns = patches.Length / groups;

    /// <summary>Number of values of the kernel.</summary>
    private int Length => groups * _rows * _columns;

    private int RoomForRows => RoundUp(_rows, TileProduct.Rows);

    private int RoomForColumns => RoundUp(_columns, TileProduct.Columns<T>());

    /// <summary>An odd number of cache lines, so that the same columns of many patches do not compete for the same lines.</summary>
    private int PatchDistance => RoundUp(patches.Length + TileProduct.Columns<T>() + Patches.Overhang, 32) + 16;

    private int PatchesAtATime => Math.Clamp(PatchBytesAtATime / (PatchDistance * sizeof(T)), 16, Math.Max(16, _positions));

    /// <inheritdoc/>
    public void SquaredNorms(Tensor norms, Tensor? kept)
    {
        var norm = (double*)Start<double>(norms);
        var gradients = kept is null ? null : Start<T>(kept);
        // The sum of so many squares in double precision is right to this, and squares that vanish count for the smallest number.
        double relative = 1 + Length * Math.ScaleB(1, -51), absolute = Length * 2.3e-308;
        ForEachExample(null, (_, example, sums) =>
        {
            var squared = 0.0;
            var to = gradients + (long)example * Length;
            for (var row = 0; row < groups * _rows; row++)
            {
                var from = new ReadOnlySpan<T>(Row(sums, row), _columns);
                squared += SumOfSquares(from);
                if (gradients is not null)
                    from.CopyTo(new Span<T>(to + (long)row * _columns, _columns));
            }
            norm[example] = squared * relative + absolute;
        });
    }

    /// <inheritdoc/>
    public void AddWeightedSum(Tensor weights, Tensor total)
    {
        var weight = Start<T>(weights);
        using var totals = zeros(Workers, Length, dtype: total.dtype);
        var start = Start<T>(totals);
        ForEachExample(weights, (worker, example, sums) =>
        {
            var to = start + (long)worker * Length;
            for (var row = 0; row < groups * _rows; row++)
                AddScaled(Row(sums, row), weight[example], to + (long)row * _columns, _columns);
        });
        using var sum = totals.sum(dim: 0L);
        total.view(-1).Increase(sum);
    }

    private int Workers
    {
        get
        {
            var multiplications = (double)_examples * _positions * Length;
            return multiplications < MultiplicationsWorthThreads ? 1 : Math.Clamp(get_num_threads(), 1, Math.Max(1, _examples));
        }
    }

    /// <summary>Makes the gradient of one example after the other.</summary>
    /// <param name="weights">Examples of weight zero are left out; null for all.</param>
    /// <param name="use">Given the number of the worker, of the example, and where its gradient is.</param>
    private void ForEachExample(Tensor? weights, Action<int, int, nint> use)
    {
        if (Length == 0)
            return;
        var workers = Workers;
        var padded = RoundUp(patches.PaddedLength + Patches.Overhang, 64);
        var some = RoundUp(PatchesAtATime * PatchDistance, 64);
        var all = padded + some + RoundUp(groups * RoomForRows * RoomForColumns, 64);
        var room = Start<T>(workspace.Rent(values.dtype, workers, all));
        T* v = Start<T>(values), x = Start<T>(input);
        var w = weights is null ? null : Start<T>(weights);
        if (workers == 1)
            Work(0);
        else
            Parallel.For(0, workers, Work);

        void Work(int worker)
        {
            var mine = room + (long)worker * all;
            new Span<T>(mine, all).Clear();
            var end = (int)((worker + 1L) * _examples / workers);
            for (var example = (int)((long)worker * _examples / workers); example < end; example++)
            {
                if (w is not null && w[example] == T.Zero)
                    continue;
                var sums = mine + padded + some;
                Multiply(v + (long)example * values.shape[1] * _positions, x + (long)example * patches.InputLength, mine, mine + padded, sums);
                use(worker, example, (nint)sums);
            }
        }
    }

    private void Multiply(T* value, T* example, T* padded, T* some, T* sums)
    {
        patches.Pad(example, padded);
        new Span<T>(sums, groups * RoomForRows * RoomForColumns).Clear();
        for (var first = 0; first < _positions; first += PatchesAtATime)
        {
            var count = Math.Min(PatchesAtATime, _positions - first);
            patches.Copy(padded, first, count, some, PatchDistance);
            for (var group = 0; group < groups; group++)
            {
                TileProduct.Add(
                    value + (long)group * _rows * _positions + first, _positions,
                    some + group * _columns, PatchDistance,
                    sums + group * RoomForRows * RoomForColumns, RoomForColumns,
                    _rows, _columns, count);
            }
        }
    }

    private T* Row(nint sums, int row) =>
        (T*)sums + (row / _rows * RoomForRows + row % _rows) * RoomForColumns;

    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    private static double SumOfSquares(ReadOnlySpan<T> values)
    {
        var sum = 0.0;
        var i = 0;
        if (typeof(T) == typeof(float))
        {
            var singles = MemoryMarshal.Cast<T, float>(values);
            var (even, odd) = (Vector512<double>.Zero, Vector512<double>.Zero);
            for (; i <= singles.Length - Vector512<float>.Count; i += Vector512<float>.Count)
            {
                var (low, high) = Vector512.Widen(Vector512.Create(singles.Slice(i, Vector512<float>.Count)));
                even = Vector512.MultiplyAddEstimate(low, low, even);
                odd = Vector512.MultiplyAddEstimate(high, high, odd);
            }
            sum = Vector512.Sum(even + odd);
        }
        for (; i < values.Length; i++)
        {
            var value = double.CreateTruncating(values[i]);
            sum += value * value;
        }
        return sum;
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    private static void AddScaled(T* values, T scale, T* total, int count)
    {
        var scales = Vector512.Create(scale);
        var i = 0;
        for (; i <= count - Vector512<T>.Count; i += Vector512<T>.Count)
            (Vector512.Load(total + i) + scales * Vector512.Load(values + i)).Store(total + i);
        for (; i < count; i++)
            total[i] += scale * values[i];
    }

    private static int RoundUp(int value, int multiple) => (value + multiple - 1) / multiple * multiple;

    private static TValue* Start<TValue>(Tensor tensor)
        where TValue : unmanaged
    {
        if (tensor.numel() == 0)
            return null;
        using var first = tensor.view(-1).narrow(0, 0, 1);
        return (TValue*)Unsafe.AsPointer(ref MemoryMarshal.GetReference(first.bytes));
    }
}
