using System.Runtime.InteropServices;

namespace DpSgd;

/// <summary>Random bits to independent standard normal values (Box and Muller, 1958), in double precision.</summary>
internal static class BoxMuller
{
    private const double TwoToMinus53 = 1.0 / (1L << 53);

    /// <param name="bytes">Uniform random bytes, eight for each value.</param>
    /// <param name="normals">The values; an even number of them.</param>
    public static void Transform(ReadOnlySpan<byte> bytes, Span<double> normals)
    {
        var words = MemoryMarshal.Cast<byte, ulong>(bytes);
        for (var i = 0; i < normals.Length; i += 2)
        {
            var inOpenClosed = ((words[i] >> 11) + 1) * TwoToMinus53;   // (0, 1]: its logarithm is finite
            var inClosedOpen = (words[i + 1] >> 11) * TwoToMinus53;     // [0, 1)
            var radius = Math.Sqrt(-2 * Math.Log(inOpenClosed));
            var (sin, cos) = Math.SinCos(2 * Math.PI * inClosedOpen);
            normals[i] = radius * cos;
            normals[i + 1] = radius * sin;
        }
    }
}
