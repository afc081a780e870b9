using System.Diagnostics;
using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using static DpSgd.NormalFits;

namespace DpSgd;

/// <summary>
/// Random words to independent normal values (Box and Muller, 1958), added to what is there: one pass, in double precision.
/// A pair of words gives a radius and an angle, and those a pair of values.
/// </summary>
/// <remarks>The loops are compiled well at once: a process that starts anew draws millions of values in its first steps.</remarks>
internal static class BoxMuller
{
    /// <summary>How many values are made at a time: the radii from the first half of as many words, the angles from the second.</summary>
    public const int Block = 16;

    /// <summary>Adds an independent draw from N(0, standardDeviation^2) to each value, and rounds the sum to a multiple of the grid.</summary>
    /// <typeparam name="T">Float or double. The sum is taken and rounded to the grid in double precision before it is stored.</typeparam>
    /// <param name="values">The values.</param>
    /// <param name="words">Uniform random words, as many as values rounded up to a multiple of <see cref="Block"/>.</param>
    /// <param name="standardDeviation">Standard deviation.</param>
    /// <param name="grid">A power of two, or zero.</param>
    /// <param name="narrow">For tests: not with the widest vectors, even if the processor has them.</param>
    public static void Add<T>(Span<T> values, ReadOnlySpan<ulong> words, double standardDeviation, double grid, bool narrow = false)
        where T : unmanaged
    {
        Debug.Assert(words.Length >= (values.Length + Block - 1) / Block * Block);
        var whole = values.Length / Block * Block;
        var toGrid = 1.5 * (1L << 52) * grid;   // adding it, and taking it away, leaves no bits below the grid
        AddBlocks(values[..whole], words, standardDeviation, toGrid, narrow);
        if (whole == values.Length)
            return;
        Span<T> last = stackalloc T[Block];
        values[whole..].CopyTo(last);
        AddBlocks(last, words[whole..], standardDeviation, toGrid, narrow);
        last[..(values.Length - whole)].CopyTo(values[whole..]);
    }

    private static void AddBlocks<T>(Span<T> values, ReadOnlySpan<ulong> words, double standardDeviation, double toGrid, bool narrow)
        where T : unmanaged
    {
        if (Vector512.IsHardwareAccelerated && !narrow)
            BoxMuller512.AddBlocks(values, words, standardDeviation, toGrid);
        else if (typeof(T) == typeof(float))
            AddSingles(MemoryMarshal.Cast<T, float>(values), words, standardDeviation, toGrid);
        else
            AddDoubles(MemoryMarshal.Cast<T, double>(values), words, standardDeviation, toGrid);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    private static void AddSingles(Span<float> values, ReadOnlySpan<ulong> words, double standardDeviation, double toGrid)
    {
        ref var word = ref MemoryMarshal.GetReference(words);
        ref var value = ref MemoryMarshal.GetReference(values);
        var (scale, grid, half) = (new Vector<double>(standardDeviation), new Vector<double>(toGrid), (nuint)Vector<double>.Count);
        for (nuint i = 0; i < (nuint)values.Length; i = Next(i + 2 * half))
        {
            var (first, second) = Pairs(Vector.LoadUnsafe(ref word, i), Vector.LoadUnsafe(ref word, i + 8));
            var (third, fourth) = Pairs(Vector.LoadUnsafe(ref word, i + half), Vector.LoadUnsafe(ref word, i + half + 8));
            AddScaled(ref Unsafe.Add(ref value, i), first, third, scale, grid);
            AddScaled(ref Unsafe.Add(ref value, i + 8), second, fourth, scale, grid);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    private static void AddDoubles(Span<double> values, ReadOnlySpan<ulong> words, double standardDeviation, double toGrid)
    {
        ref var word = ref MemoryMarshal.GetReference(words);
        ref var value = ref MemoryMarshal.GetReference(values);
        var (scale, grid, count) = (new Vector<double>(standardDeviation), new Vector<double>(toGrid), (nuint)Vector<double>.Count);
        for (nuint i = 0; i < (nuint)values.Length; i = Next(i + count))
        {
            var (first, second) = Pairs(Vector.LoadUnsafe(ref word, i), Vector.LoadUnsafe(ref word, i + 8));
            Rounded(first, scale, Vector.LoadUnsafe(ref value, i), grid).StoreUnsafe(ref value, i);
            Rounded(second, scale, Vector.LoadUnsafe(ref value, i + 8), grid).StoreUnsafe(ref value, i + 8);
        }
    }

    /// <summary>The second half of a block is done with the first.</summary>
    private static nuint Next(nuint i) => i % Block == Block / 2 ? i + Block / 2 : i;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void AddScaled(ref float value, Vector<double> low, Vector<double> high, Vector<double> scale, Vector<double> grid)
    {
        Vector.Widen(Vector.LoadUnsafe(ref value), out var lowSum, out var highSum);
        Vector.Narrow(Rounded(low, scale, lowSum, grid), Rounded(high, scale, highSum, grid)).StoreUnsafe(ref value);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector<double> Rounded(Vector<double> normal, Vector<double> scale, Vector<double> sum, Vector<double> grid) =>
        Vector.MultiplyAddEstimate(normal, scale, sum) + grid - grid;

    /// <summary>Two independent standard normal values from each pair of words.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static (Vector<double> First, Vector<double> Second) Pairs(Vector<ulong> forRadius, Vector<ulong> forAngle)
    {
        // -2 ln u, by exponent and mantissa of u; 1 + f is from sqrt(1/2) to sqrt(2).
        var uniform = Vector.MultiplyAddEstimate(Vector.ConvertToDouble(forRadius), new(ToUniform), new(HalfAUnit));
        var bits = uniform.As<double, ulong>() - new Vector<ulong>(SqrtHalfLessBias);
        var exponent = ((bits >>> 52) | new Vector<ulong>(BigBits)).As<ulong, double>() - new Vector<double>(BigAndBias);
        var f = ((bits & new Vector<ulong>(MantissaBits)) + new Vector<ulong>(SqrtHalfBits)).As<ulong, double>() - Vector<double>.One;
        var (f2, f4) = (f * f, f * f * (f * f));
        var log = Fma(
            Fma(Cubic(f, f2, Log15, Log14, Log13, Log12), f4, Cubic(f, f2, Log11, Log10, Log9, Log8)),
            f4 * f4,
            Fma(Cubic(f, f2, Log7, Log6, Log5, Log4), f4, Cubic(f, f2, Log3, Log2, Log1, Log0)));
        var radius = Vector.SquareRoot(Vector.Max(new(Tiny), Vector.MultiplyAddEstimate(exponent, new(MinusTwoLogTwo), f * log)));

        // An angle in the quarter of the circle around 0; one bit mirrors it to the left, another swaps the axes.
        var t = ((forAngle >>> 12) | new Vector<ulong>(TwoBits)).As<ulong, double>() - new Vector<double>(3);
        var w = t * t;
        var sin = radius * t * Horner(w, new(Sin5), Sin4, Sin3, Sin2, Sin1, Sin0);
        var cos = radius * Horner(w, new(Cos5), Cos4, Cos3, Cos2, Cos1, Cos0);
        cos = (cos.As<double, ulong>() ^ (forAngle << 63)).As<ulong, double>();
        var swap = Vector.LessThan((forAngle << 62).As<ulong, long>(), Vector<long>.Zero);
        return (Vector.ConditionalSelect(swap, sin, cos), Vector.ConditionalSelect(swap, cos, sin));
    }

    /// <summary>Four coefficients, highest power first. By Estrin's rule, sums that do not wait for each other, it takes a fifth less time than by Horner's.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector<double> Cubic(Vector<double> x, Vector<double> x2, double a, double b, double c, double d) =>
        Fma(Fma(new(a), x, new(b)), x2, Fma(new(c), x, new(d)));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector<double> Fma(Vector<double> a, Vector<double> b, Vector<double> c) => Vector.MultiplyAddEstimate(a, b, c);

    /// <summary>Five more steps of Horner's rule, highest power first.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector<double> Horner(Vector<double> x, Vector<double> sum, double a, double b, double c, double d, double e)
    {
        sum = Vector.MultiplyAddEstimate(sum, x, new(a));
        sum = Vector.MultiplyAddEstimate(sum, x, new(b));
        sum = Vector.MultiplyAddEstimate(sum, x, new(c));
        sum = Vector.MultiplyAddEstimate(sum, x, new(d));
        return Vector.MultiplyAddEstimate(sum, x, new(e));
    }
}
