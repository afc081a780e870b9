using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using TorchSharp;
using static TorchSharp.torch;

namespace DpSgd.PerExampleGradients;

/// <summary>Loops over numbers that lie side by side, for what is too small or too much in between to be worth a call of libtorch.</summary>
internal static unsafe class Vectors
{
    /// <summary>The sum of squares, in double precision.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    public static double SumOfSquares<T>(ReadOnlySpan<T> values)
        where T : unmanaged, IFloatingPointIeee754<T>
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

    /// <summary>scaled = scale values.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    public static void Scale<T>(T* values, T scale, T* scaled, int count)
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        var scales = Vector512.Create(scale);
        var i = 0;
        for (; i <= count - Vector512<T>.Count; i += Vector512<T>.Count)
            (scales * Vector512.Load(values + i)).Store(scaled + i);
        for (; i < count; i++)
            scaled[i] = scale * values[i];
    }

    /// <summary>total += values.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    public static void Add<T>(T* values, T* total, int count)
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        var i = 0;
        for (; i <= count - Vector512<T>.Count; i += Vector512<T>.Count)
            (Vector512.Load(total + i) + Vector512.Load(values + i)).Store(total + i);
        for (; i < count; i++)
            total[i] += values[i];
    }

    /// <summary>Where a contiguous tensor's values begin.</summary>
    public static T* Start<T>(Tensor tensor)
        where T : unmanaged
    {
        if (tensor.numel() == 0)
            return null;
        using var first = tensor.view(-1).narrow(0, 0, 1);
        return (T*)Unsafe.AsPointer(ref MemoryMarshal.GetReference(first.bytes));
    }

    /// <summary>The next multiple.</summary>
    public static int RoundUp(int value, int multiple) => (value + multiple - 1) / multiple * multiple;
}
