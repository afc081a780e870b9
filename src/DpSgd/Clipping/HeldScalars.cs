using TorchSharp;
using static TorchSharp.torch;

namespace DpSgd.Clipping;

/// <summary>
/// Arithmetic for whatever a guarantee rests on. TorchSharp turns a number, and even the factor of one in a sum of two
/// tensors, into a <see cref="Scalar"/> of its own, which the garbage collector may free while libtorch still reads it: a
/// rare wrong value. Here the scalars are held until libtorch is done.
/// </summary>
internal static class HeldScalars
{
    private static readonly Scalar One = 1;

    private static readonly Scalar Zero = 0;

    /// <summary>a + b.</summary>
    public static Tensor Plus(this Tensor a, Tensor b) => a.add(b, One);

    /// <summary>a += b.</summary>
    public static Tensor Increase(this Tensor a, Tensor b) => a.add_(b, One);

    /// <summary>a += factor b.</summary>
    public static Tensor Increase(this Tensor a, Tensor b, double factor)
    {
        using Scalar held = factor;
        return a.add_(b, held);
    }

    /// <summary>a += number.</summary>
    public static Tensor Increase(this Tensor a, double number)
    {
        using Scalar held = number;
        return a.add_(held, One);
    }

    /// <summary>a *= factor.</summary>
    public static Tensor Multiply(this Tensor a, double factor)
    {
        using Scalar held = factor;
        return a.mul_(held);
    }

    /// <summary>a /= divisor.</summary>
    public static Tensor Divide(this Tensor a, double divisor)
    {
        using Scalar held = divisor;
        return a.div_(held);
    }

    /// <summary>a^2, in place.</summary>
    public static Tensor Square(this Tensor a) => a.mul_(a);

    /// <summary>max(a, 0), in place.</summary>
    public static Tensor NotNegative(this Tensor a) => a.clamp_(min: Zero);

    /// <summary>min(a, 1), in place.</summary>
    public static Tensor AtMostOne(this Tensor a) => a.clamp_(max: One);

    /// <summary>a with zero where the mask is true.</summary>
    public static Tensor ZeroWhere(this Tensor a, Tensor mask) => a.masked_fill(mask, Zero);

    /// <summary>Adds rows of b to the rows of a that the index says, in place.</summary>
    public static Tensor IncreaseRows(this Tensor a, Tensor index, Tensor b) => a.index_add_(0, index, b, One);
}
