using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using static DpSgd.NormalFits;

namespace DpSgd;

/// <summary><see cref="BoxMuller"/> for processors with AVX-512: the same values, to rounding, in half the time.</summary>
internal static class BoxMuller512
{
    /// <summary>Adds a draw to each value of whole blocks.</summary>
    /// <typeparam name="T">Float or double.</typeparam>
    /// <param name="values">The values.</param>
    /// <param name="words">As many random words.</param>
    /// <param name="standardDeviation">Standard deviation.</param>
    /// <param name="toGrid">What rounds a sum to the grid by being added and taken away.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    public static void AddBlocks<T>(Span<T> values, ReadOnlySpan<ulong> words, double standardDeviation, double toGrid)
        where T : unmanaged
    {
        ref var word = ref MemoryMarshal.GetReference(words);
        ref var value = ref MemoryMarshal.GetReference(values);
        var (scale, grid) = (Vector512.Create(standardDeviation), Vector512.Create(toGrid));
        for (nuint i = 0; i < (nuint)values.Length; i += BoxMuller.Block)
        {
            var (first, second) = Pairs(Vector512.LoadUnsafe(ref word, i), Vector512.LoadUnsafe(ref word, i + 8));
            AddScaled(ref Unsafe.Add(ref value, i), first, scale, grid);
            AddScaled(ref Unsafe.Add(ref value, i + 8), second, scale, grid);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void AddScaled<T>(ref T value, Vector512<double> normal, Vector512<double> scale, Vector512<double> grid)
        where T : unmanaged
    {
        if (typeof(T) == typeof(float))
        {
            ref var single = ref Unsafe.As<T, float>(ref value);
            var sum = Avx512F.ConvertToVector512Double(Vector256.LoadUnsafe(ref single));
            Avx512F.ConvertToVector256Single(Vector512.MultiplyAddEstimate(normal, scale, sum) + grid - grid).StoreUnsafe(ref single);
        }
        else
        {
            ref var full = ref Unsafe.As<T, double>(ref value);
            (Vector512.MultiplyAddEstimate(normal, scale, Vector512.LoadUnsafe(ref full)) + grid - grid).StoreUnsafe(ref full);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static (Vector512<double> First, Vector512<double> Second) Pairs(Vector512<ulong> forRadius, Vector512<ulong> forAngle)
    {
        var uniform = Vector512.MultiplyAddEstimate(Vector512.ConvertToDouble(forRadius), Vector512.Create(ToUniform), Vector512.Create(HalfAUnit));
        var bits = uniform.AsUInt64() - Vector512.Create(SqrtHalfLessBias);
        var exponent = ((bits >>> 52) | Vector512.Create(BigBits)).AsDouble() - Vector512.Create(BigAndBias);
        var f = ((bits & Vector512.Create(MantissaBits)) + Vector512.Create(SqrtHalfBits)).AsDouble() - Vector512<double>.One;
        var log = Horner(f, Vector512.Create(Log15), Log14, Log13, Log12, Log11, Log10);
        log = Horner(f, log, Log9, Log8, Log7, Log6, Log5);
        log = Horner(f, log, Log4, Log3, Log2, Log1, Log0);
        var radius = Sqrt(Vector512.Max(Vector512.Create(Tiny), Vector512.MultiplyAddEstimate(exponent, Vector512.Create(MinusTwoLogTwo), f * log)));

        var t = ((forAngle >>> 12) | Vector512.Create(TwoBits)).AsDouble() - Vector512.Create(3.0);
        var w = t * t;
        var sin = radius * t * Horner(w, Vector512.Create(Sin5), Sin4, Sin3, Sin2, Sin1, Sin0);
        var cos = radius * Horner(w, Vector512.Create(Cos5), Cos4, Cos3, Cos2, Cos1, Cos0);
        cos = (cos.AsUInt64() ^ (forAngle << 63)).AsDouble();
        var swap = ((forAngle << 62).AsInt64() >> 63).AsDouble();
        return (Vector512.ConditionalSelect(swap, sin, cos), Vector512.ConditionalSelect(swap, cos, sin));
    }

    /// <summary>The processor's estimate of the inverse root is good to 2^-14, and a step of third order makes that 2^-43.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<double> Sqrt(Vector512<double> x)
    {
        var estimate = Avx512F.ReciprocalSqrt14(x);
        var root = x * estimate;
        var error = Vector512.MultiplyAddEstimate(-root, estimate, Vector512<double>.One);
        var step = Vector512.MultiplyAddEstimate(error, Vector512.Create(0.375), Vector512.Create(0.5));
        return Vector512.MultiplyAddEstimate(root * error, step, root);
    }

    /// <summary>Five more steps of Horner's rule, highest power first.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<double> Horner(Vector512<double> x, Vector512<double> sum, double a, double b, double c, double d, double e)
    {
        sum = Vector512.MultiplyAddEstimate(sum, x, Vector512.Create(a));
        sum = Vector512.MultiplyAddEstimate(sum, x, Vector512.Create(b));
        sum = Vector512.MultiplyAddEstimate(sum, x, Vector512.Create(c));
        sum = Vector512.MultiplyAddEstimate(sum, x, Vector512.Create(d));
        return Vector512.MultiplyAddEstimate(sum, x, Vector512.Create(e));
    }
}
