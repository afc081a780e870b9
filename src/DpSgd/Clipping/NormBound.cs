using TorchSharp;
using static TorchSharp.torch;

namespace DpSgd.Clipping;

/// <summary>
/// Squared norms that are never too small. A norm that rounding made too small would let a gradient through that is longer
/// than the clip norm; one that is too large by a millionth only clips it by that much more.
/// </summary>
internal static class NormBound
{
    /// <summary>Squared l2 norm of each row, from above: [M, ...] to [M], in double precision.</summary>
    /// <remarks>
    /// Squares that are smaller than the type's smallest normal number are lost, so each counts for that at least. Squares
    /// that are too large give infinity, and the example is left out as if it were infinite.
    /// </remarks>
    public static Tensor SquaredRows(Tensor rows)
    {
        using var scope = NewDisposeScope();
        var flat = rows.reshape(rows.shape[0], -1);
        var type = Precision.Of(flat.dtype);
        // libtorch's norm makes no tensor of squares, but sums them one behind the other in each lane of a vector: of so few
        // at a time that no more than this is lost, and the rest in double precision. (linalg.vector_norm is the same sum, but
        // takes its order as a Scalar that nobody holds, and a norm of another order may be too small.)
        var squared = LengthOfParts(flat.shape[1]) is { } length
            ? flat.view(flat.shape[0], flat.shape[1] / length, length).norm(dim: 2).to(ScalarType.Float64).Square().sum(dim: 1L)
            : flat.mul(flat).sum(dim: 1L).to(ScalarType.Float64);
        return squared.Multiply(1 + 40 * type.Unit).Increase(flat.shape[1] * type.Smallest).MoveToOuterDisposeScope();
    }

    /// <summary>Unit roundoff of the type in which the gradients of parameters of a type are summed.</summary>
    public static double UnitRoundoff(ScalarType type) => type == ScalarType.Float64 ? Math.ScaleB(1, -53) : Math.ScaleB(1, -24);

    /// <summary>The largest divisor up to 128, if it is worth while.</summary>
    private static long? LengthOfParts(long length)
    {
        if (length is > 0 and <= 128)
            return length;
        for (var part = 128; part >= 16; part--)
        {
            if (length % part == 0 && length > 0)
                return part;
        }
        return null;
    }

    /// <summary>
    /// (norm + error)^2, where the error is what two ways of summing the same <paramref name="terms"/> products can differ
    /// by: one gave the norm, the other will give the clipped sum, and where the products cancel nothing else may be left.
    /// </summary>
    /// <param name="squared">Squared norms of the sums: [M].</param>
    /// <param name="squaredSizes">Squared size of what was summed, before anything cancelled: [M].</param>
    /// <param name="terms">Number of terms in each sum.</param>
    /// <param name="dtype">The type in which they are summed.</param>
    public static Tensor WithRounding(Tensor squared, Tensor squaredSizes, long terms, ScalarType dtype)
    {
        using var scope = NewDisposeScope();
        // Rounding errors are as good as random, so they grow with the root of the number of terms.
        var error = squaredSizes.sqrt().Multiply(Precision.Of(dtype).Unit * Math.Sqrt(terms));
        return squared.sqrt().Increase(error).Square().MoveToOuterDisposeScope();
    }

    /// <summary>What a floating-point type can tell apart.</summary>
    /// <param name="Unit">Unit roundoff: half the distance from one to the next number.</param>
    /// <param name="Smallest">Smallest normal number.</param>
    private readonly record struct Precision(double Unit, double Smallest)
    {
        public static Precision Of(ScalarType type) => type switch
        {
            ScalarType.Float32 => new(Math.ScaleB(1, -24), 1.2e-38),
            ScalarType.Float64 => new(Math.ScaleB(1, -53), 2.3e-308),
            _ => throw new NotSupportedException($"Gradients of {type}."),
        };
    }
}
