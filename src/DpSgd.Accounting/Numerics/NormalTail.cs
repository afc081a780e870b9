using MathNet.Numerics;

namespace DpSgd.Accounting;

/// <summary>
/// Tails of the standard normal distribution, relatively accurate however far out. Where the probability itself is too
/// small to be written down its logarithm is not.
/// </summary>
internal static class NormalTail
{
    // Beyond this the complementary error function nears the end of the doubles and a continued fraction is exact.
    private const double Far = 10;

    private static readonly double HalfLogTwoPi = 0.5 * Math.Log(2 * Math.PI);

    /// <summary>Probability that a standard normal variable is above <paramref name="z"/>.</summary>
    /// <param name="z">Any number.</param>
    public static double Above(double z) => 0.5 * SpecialFunctions.Erfc(z * (1 / Constants.Sqrt2));

    /// <summary>ln of <see cref="Above"/>.</summary>
    /// <param name="z">Any number.</param>
    public static double LogAbove(double z) => z switch
    {
        < -1 => Elementary.Log1p(-Above(-z)),
        < Far => Math.Log(Above(z)),
        _ => -0.5 * z * z - HalfLogTwoPi - Math.Log(z + Fraction(z)),
    };

    /// <summary>ln erfc(x).</summary>
    /// <param name="x">Any number.</param>
    public static double LogErfc(double x) => Math.Log(2) + LogAbove(x * Constants.Sqrt2);

    /// <summary>1 / (z + 2 / (z + 3 / (z + ...))), Laplace's continued fraction for the ratio of density and tail, less its z.</summary>
    private static double Fraction(double z)
    {
        var tail = 0.0;
        for (var k = 40; k >= 1; k--)
            tail = k / (z + tail);
        return tail;
    }
}
