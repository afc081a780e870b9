using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace DpSgd;

/// <summary>
/// Random bits to independent standard normal values (Box and Muller, 1958), in double precision and four at a time: two
/// uniform values give a radius and an angle, and those two normal values.
/// </summary>
internal static class BoxMuller
{
    /// <summary>What is transformed at a time: as many values as two vectors have.</summary>
    public const int Block = 8;

    private const double TwoToMinus53 = 1.0 / (1L << 53);

    /// <param name="bytes">Uniform random bytes, eight for each value.</param>
    /// <param name="normals">The values; a multiple of <see cref="Block"/>.</param>
    public static void Transform(ReadOnlySpan<byte> bytes, Span<double> normals)
    {
        var words = MemoryMarshal.Cast<byte, ulong>(bytes)[..normals.Length];
        ref var word = ref MemoryMarshal.GetReference(words);
        ref var normal = ref MemoryMarshal.GetReference(normals);
        for (nuint i = 0; i < (nuint)normals.Length; i += Block)
        {
            var first = Vector256.LoadUnsafe(ref word, i) >>> 11;
            var second = Vector256.LoadUnsafe(ref word, i + 4) >>> 11;
            // (0, 1], so that the logarithm is finite, and [0, 2 pi).
            var uniform = Vector256.ConvertToDouble(first + Vector256<ulong>.One) * TwoToMinus53;
            var angle = Vector256.ConvertToDouble(second) * (2 * Math.PI * TwoToMinus53);
            var radius = Vector256.Sqrt(Vector256.Log(uniform) * -2.0);
            var (sin, cos) = Vector256.SinCos(angle);
            (radius * cos).StoreUnsafe(ref normal, i);
            (radius * sin).StoreUnsafe(ref normal, i + 4);
        }
    }
}
