using System.Numerics;
using DpSgd.Threading;
using TorchSharp;
using static DpSgd.PerExampleGradients.Vectors;
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

    private readonly int _examples = (int)values.shape[0];
    private readonly int _positions = patches.Positions;
    private readonly int _rows = (int)values.shape[1] / groups;
    private readonly int _columns = patches.Length / groups;
    private readonly T* _values = Start<T>(values);
    private readonly T* _input = Start<T>(input);

    /// <summary>Number of values of the kernel.</summary>
    private int Length => groups * _rows * _columns;

    private int RoomForRows => RoundUp(_rows, TileProduct.Rows);

    private int RoomForColumns => RoundUp(_columns, TileProduct.Columns<T>());

    /// <summary>An odd number of cache lines, so that the same columns of many patches do not compete for the same lines.</summary>
    private int PatchDistance => RoundUp(patches.Length + TileProduct.Columns<T>() + Patches.Overhang, 32) + 16;

    /// <summary>As many as there are, or whole vectors of them.</summary>
    private int PatchesAtATime => Math.Min(_positions, Math.Max(16, PatchBytesAtATime / (PatchDistance * sizeof(T)) / 16 * 16));

    /// <inheritdoc/>
    public void SquaredNorms(Tensor norms, Tensor? kept)
    {
        var norm = (double*)Start<double>(norms);
        var gradients = kept is null ? null : Start<T>(kept);
        // The sum of so many squares in double precision is right to this, and squares that vanish count for the smallest number.
        double relative = 1 + Length * Math.ScaleB(1, -51), absolute = Length * 2.3e-308;
        ForAll((_, from, to, room) =>
        {
            for (var example = from; example < to; example++)
            {
                new Span<T>(room.Sums, groups * RoomForRows * RoomForColumns).Clear();
                AddProducts(example, T.One, room);
                var squared = 0.0;
                for (var row = 0; row < groups * _rows; row++)
                {
                    var gradient = new ReadOnlySpan<T>(Row(room.Sums, row), _columns);
                    squared += SumOfSquares(gradient);
                    if (gradients is not null)
                        gradient.CopyTo(new Span<T>(gradients + (long)example * Length + (long)row * _columns, _columns));
                }
                norm[example] = squared * relative + absolute;
            }
        });
    }

    /// <inheritdoc/>
    public void AddWeightedSum(Tensor weights, Tensor total)
    {
        var weight = Start<T>(weights);
        var rooms = new Room[Workers];
        // The weight goes into the values, which are few, and the products of all examples into one sum.
        ForAll((worker, from, to, room) =>
        {
            rooms[worker] = room;
            for (var example = from; example < to; example++)
            {
                if (weight[example] != T.Zero)
                    AddProducts(example, weight[example], room);
            }
        });
        // Not by libtorch: its threads would go on to spin for milliseconds, where ours of the next layer are to run.
        var sum = Start<T>(total);
        foreach (var room in rooms)
        {
            for (var row = 0; row < groups * _rows; row++)
                Add(Row(room.Sums, row), sum + (long)row * _columns, _columns);
        }
    }

    private int Workers => Math.Clamp(Team.Threads((double)_examples * _positions * Length), 1, Math.Max(1, _examples));

    /// <summary>Divides the examples among the workers.</summary>
    /// <param name="work">Given the number of the worker, its first example and the one behind its last, and its memory: all zero.</param>
    private void ForAll(Action<int, int, int, Room> work)
    {
        if (Length == 0)
            return;
        var workers = Workers;
        var padded = RoundUp(patches.PaddedLength + Patches.Overhang, 64);
        var some = RoundUp(PatchesAtATime * PatchDistance, 64);
        var sums = RoundUp(groups * RoomForRows * RoomForColumns, 64);
        var all = padded + some + sums + RoundUp(groups * _rows * PatchesAtATime, 64);
        var start = Start<T>(workspace.Rent(values.dtype, workers, all));
        Team.For(workers, workers, Work);

        void Work(int worker)
        {
            var mine = start + (long)worker * all;
            new Span<T>(mine, all).Clear();
            var room = new Room(mine, mine + padded, mine + padded + some, mine + padded + some + sums);
            work(worker, (int)((long)worker * _examples / workers), (int)((worker + 1L) * _examples / workers), room);
        }
    }

    /// <summary>Adds an example's gradient, times a factor, to the sums.</summary>
    private void AddProducts(int example, T factor, Room room)
    {
        patches.Pad(_input + (long)example * patches.InputLength, room.Padded);
        for (var first = 0; first < _positions; first += PatchesAtATime)
        {
            var count = Math.Min(PatchesAtATime, _positions - first);
            patches.Copy(room.Padded, first, count, room.Patches, PatchDistance);
            // The values close together: a row for itself would lie whole pages from the next, and compete for the same cache lines.
            var from = _values + (long)example * groups * _rows * _positions + first;
            for (var row = 0; row < groups * _rows; row++)
                Scale(from + (long)row * _positions, factor, room.Values + row * count, count);
            for (var group = 0; group < groups; group++)
            {
                TileProduct.Add(
                    room.Values + group * _rows * count, count,
                    room.Patches + group * _columns, PatchDistance,
                    room.Sums + group * RoomForRows * RoomForColumns, RoomForColumns,
                    _rows, _columns, count);
            }
        }
    }

    private T* Row(T* sums, int row) =>
        sums + (row / _rows * RoomForRows + row % _rows) * RoomForColumns;

    /// <summary>A worker's memory: an example with its padding, some of its patches, the sums, and the values at the patches' positions.</summary>
    private readonly struct Room(T* padded, T* patches, T* sums, T* values)
    {
        public T* Padded { get; } = padded;

        public T* Patches { get; } = patches;

        public T* Sums { get; } = sums;

        public T* Values { get; } = values;
    }
}
