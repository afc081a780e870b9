using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace DpSgd.PerExampleGradients;

/// <summary>
/// A product of small matrices, added to what is there: S[r, c] += sum over p of A[r, p] B[p, c]. A tile of S stays in
/// registers while p runs. Written for matrices that are in the cache; libtorch's products of many small matrices spend
/// longer on memory than on arithmetic.
/// </summary>
internal static unsafe class TileProduct
{
    /// <summary>S has room for a multiple of so many rows.</summary>
    public const int Rows = 4;

    /// <summary>S has room for a multiple of so many columns, and as many may be read of each row of B.</summary>
    public static int Columns<T>()
        where T : unmanaged => 2 * Vector512<T>.Count;

    /// <param name="a">A, of <paramref name="rows"/> rows.</param>
    /// <param name="aDistance">From one row of A to the next.</param>
    /// <param name="b">B, of <paramref name="terms"/> rows.</param>
    /// <param name="bDistance">From one row of B to the next.</param>
    /// <param name="s">S. What is computed in the room for more rows and columns means nothing.</param>
    /// <param name="sDistance">From one row of S to the next.</param>
    /// <param name="rows">Rows of A and S.</param>
    /// <param name="columns">Columns of B and S.</param>
    /// <param name="terms">Columns of A and rows of B.</param>
    public static void Add<T>(T* a, int aDistance, T* b, int bDistance, T* s, int sDistance, int rows, int columns, int terms)
        where T : unmanaged
    {
        var last = a + (long)(rows - 1) * aDistance;
        for (var c = 0; c < columns; c += Columns<T>())
        {
            for (var r = 0; r < rows; r += Rows)
            {
                // Rows that are missing are computed from the last one.
                var a0 = a + (long)r * aDistance;
                var a1 = r + 1 < rows ? a0 + aDistance : last;
                var a2 = r + 2 < rows ? a1 + aDistance : last;
                var a3 = r + 3 < rows ? a2 + aDistance : last;
                var tile = s + (long)r * sDistance + c;
                if (Vector512.IsHardwareAccelerated)
                    AddFourRows(a0, a1, a2, a3, b + c, bDistance, tile, sDistance, terms);
                else
                {
                    AddTwoRows(a0, a1, b + c, bDistance, tile, sDistance, terms);
                    AddTwoRows(a2, a3, b + c, bDistance, tile + 2 * sDistance, sDistance, terms);
                }
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    private static void AddFourRows<T>(T* a0, T* a1, T* a2, T* a3, T* b, int bDistance, T* s, int sDistance, int terms)
        where T : unmanaged
    {
        var width = Vector512<T>.Count;
        T* s0 = s, s1 = s0 + sDistance, s2 = s1 + sDistance, s3 = s2 + sDistance;
        Vector512<T> s00 = Vector512.Load(s0), s01 = Vector512.Load(s0 + width);
        Vector512<T> s10 = Vector512.Load(s1), s11 = Vector512.Load(s1 + width);
        Vector512<T> s20 = Vector512.Load(s2), s21 = Vector512.Load(s2 + width);
        Vector512<T> s30 = Vector512.Load(s3), s31 = Vector512.Load(s3 + width);
        for (nint p = 0; p < terms; p++, b += bDistance)
        {
            Vector512<T> b0 = Vector512.Load(b), b1 = Vector512.Load(b + width);
            Vector512<T> v0 = Vector512.Create(a0[p]), v1 = Vector512.Create(a1[p]), v2 = Vector512.Create(a2[p]), v3 = Vector512.Create(a3[p]);
            s00 = MultiplyAdd(v0, b0, s00);
            s01 = MultiplyAdd(v0, b1, s01);
            s10 = MultiplyAdd(v1, b0, s10);
            s11 = MultiplyAdd(v1, b1, s11);
            s20 = MultiplyAdd(v2, b0, s20);
            s21 = MultiplyAdd(v2, b1, s21);
            s30 = MultiplyAdd(v3, b0, s30);
            s31 = MultiplyAdd(v3, b1, s31);
        }
        s00.Store(s0);
        s01.Store(s0 + width);
        s10.Store(s1);
        s11.Store(s1 + width);
        s20.Store(s2);
        s21.Store(s2 + width);
        s30.Store(s3);
        s31.Store(s3 + width);
    }

    /// <summary>For processors with half as many registers.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    private static void AddTwoRows<T>(T* a0, T* a1, T* b, int bDistance, T* s, int sDistance, int terms)
        where T : unmanaged
    {
        var width = Vector512<T>.Count;
        T* s0 = s, s1 = s0 + sDistance;
        Vector512<T> s00 = Vector512.Load(s0), s01 = Vector512.Load(s0 + width);
        Vector512<T> s10 = Vector512.Load(s1), s11 = Vector512.Load(s1 + width);
        for (nint p = 0; p < terms; p++, b += bDistance)
        {
            Vector512<T> b0 = Vector512.Load(b), b1 = Vector512.Load(b + width);
            Vector512<T> v0 = Vector512.Create(a0[p]), v1 = Vector512.Create(a1[p]);
            s00 = MultiplyAdd(v0, b0, s00);
            s01 = MultiplyAdd(v0, b1, s01);
            s10 = MultiplyAdd(v1, b0, s10);
            s11 = MultiplyAdd(v1, b1, s11);
        }
        s00.Store(s0);
        s01.Store(s0 + width);
        s10.Store(s1);
        s11.Store(s1 + width);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<T> MultiplyAdd<T>(Vector512<T> a, Vector512<T> b, Vector512<T> c)
        where T : unmanaged =>
        typeof(T) == typeof(float)
            ? Vector512.MultiplyAddEstimate(a.As<T, float>(), b.As<T, float>(), c.As<T, float>()).As<float, T>()
            : Vector512.MultiplyAddEstimate(a.As<T, double>(), b.As<T, double>(), c.As<T, double>()).As<double, T>();
}
