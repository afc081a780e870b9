using System.Numerics;
using DpSgd.Threading;
using TorchSharp;
using static DpSgd.PerExampleGradients.Vectors;
using static TorchSharp.torch;

namespace DpSgd.PerExampleGradients;

/// <summary>
/// Squared norms of sums of outer products, on the CPU: the sum is made a few rows and columns at a time, squared and
/// forgotten, so that it never leaves the processor's fastest cache.
/// </summary>
internal static unsafe class OuterProductNorms
{
    /// <summary>Rows and columns of the sum that are made at a time.</summary>
    private const int RowsAtATime = 32;

    /// <summary>Whether it can be done here for tensors of this kind.</summary>
    public static bool Serves(Tensor tensor) =>
        tensor.device_type == DeviceType.CPU && tensor.dtype is ScalarType.Float32 or ScalarType.Float64;

    /// <param name="left">[M, R, p].</param>
    /// <param name="right">[M, R, q].</param>
    /// <param name="workspace">Memory.</param>
    /// <returns>
    /// Two of [M] in double precision: the squared norm of the sum over R of left times right, and what it would be at most
    /// if nothing cancelled.
    /// </returns>
    public static (Tensor Squared, Tensor Sizes) Of(Tensor left, Tensor right, Workspace workspace) => left.dtype == ScalarType.Float32
        ? Of<float>(left.contiguous(), right.contiguous(), workspace)
        : Of<double>(left.contiguous(), right.contiguous(), workspace);

    private static (Tensor, Tensor) Of<T>(Tensor left, Tensor right, Workspace workspace)
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        // Transposing the product changes no norm, and what is smaller takes less time to transpose.
        var (a, b) = left.shape[2] <= right.shape[2] ? (left, right) : (right, left);
        int count = (int)a.shape[0], terms = (int)a.shape[1], rows = (int)a.shape[2], columns = (int)b.shape[2];
        var (squared, sizes) = (zeros(count, dtype: ScalarType.Float64), zeros(count, dtype: ScalarType.Float64));
        if (a.numel() == 0 || b.numel() == 0)
            return (squared, sizes);
        T* ofA = Start<T>(a), ofB = Start<T>(b);
        double* toSquared = Start<double>(squared), toSizes = Start<double>(sizes);
        var columnsAtATime = TileProduct.Columns<T>();
        int roomForA = RoundUp(terms * rows, 64), roomForB = RoundUp(terms * columnsAtATime, 64), room = roomForA + roomForB + RowsAtATime * columnsAtATime;
        // The sum of so many squares in double precision is right to this, and squares that vanish count for the smallest number.
        double relative = 1 + (double)rows * Math.Max(terms, columns) * Math.ScaleB(1, -51), absolute = (double)rows * columns * 2.3e-308;
        var workers = Math.Min(count, Team.Threads((double)count * terms * rows * columns));
        var memory = Start<T>(workspace.Rent(a.dtype, workers, room));
        Team.For(workers, workers, worker =>
        {
            var ownA = memory + (long)worker * room;
            var (ownB, sums) = ((nint)(ownA + roomForA), (nint)(ownA + roomForA + roomForB));
            for (var i = (int)((long)worker * count / workers); i < (worker + 1L) * count / workers; i++)
            {
                T* nextA = ofA + (long)i * terms * rows, nextB = ofB + (long)i * terms * columns;
                toSquared[i] = SquaredNorm(nextA, nextB, terms, rows, columns, ownA, (T*)ownB, (T*)sums) * relative + absolute;
                toSizes[i] = SumOfSquares(new ReadOnlySpan<T>(nextA, terms * rows)) * SumOfSquares(new ReadOnlySpan<T>(nextB, terms * columns)) * (relative * relative);
            }
        });
        return (squared, sizes);
    }

    private static double SquaredNorm<T>(T* a, T* b, int terms, int rows, int columns, T* ownA, T* ownB, T* sums)
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        var width = TileProduct.Columns<T>();
        var squared = 0.0;
        Transpose(a, terms, rows, ownA);
        for (var column = 0; column < columns; column += width)
        {
            var some = Math.Min(width, columns - column);
            for (var term = 0; term < terms; term++)
            {
                var to = new Span<T>(ownB + term * width, width);
                new ReadOnlySpan<T>(b + (long)term * columns + column, some).CopyTo(to);
                to[some..].Clear();
            }
            for (var row = 0; row < rows; row += RowsAtATime)
            {
                var height = Math.Min(RowsAtATime, rows - row);
                var all = new Span<T>(sums, RowsAtATime * width);
                all.Clear();
                TileProduct.Add(ownA + (long)row * terms, terms, ownB, width, sums, width, height, width, terms);
                squared += SumOfSquares<T>(all[..(height * width)]);
            }
        }
        return squared;
    }
}
