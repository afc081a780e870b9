namespace DpSgd.Accounting;

/// <summary>Arithmetic on logarithms of numbers that are too large or too small to be written down.</summary>
internal static class LogSpace
{
    /// <summary>ln(1 - e^-x), accurate on both sides of ln 2, where the better of the two formulas changes.</summary>
    /// <param name="x">At least zero; zero gives negative infinity.</param>
    public static double Log1mExp(double x) =>
        x <= Math.Log(2) ? Math.Log(-Elementary.Expm1(-x)) : Elementary.Log1p(-Math.Exp(-x));

    /// <summary>ln(e^x - 1), without overflow.</summary>
    /// <param name="x">At least zero; zero gives negative infinity.</param>
    public static double LogExpm1(double x) =>
        x < 1 ? Math.Log(Elementary.Expm1(x)) : x + Elementary.Log1p(-Math.Exp(-x));

    /// <summary>ln(1 + e^x), without overflow.</summary>
    /// <param name="x">Any number.</param>
    public static double Log1pExp(double x) =>
        x > 0 ? x + Elementary.Log1p(Math.Exp(-x)) : Elementary.Log1p(Math.Exp(x));

    /// <summary>ln(e^x - 1 - x), without overflow.</summary>
    /// <param name="x">Any number; zero gives negative infinity.</param>
    public static double LogExpResidual(double x) => x switch
    {
        // (1 + x) e^-x is below half a unit in the last place of 1.
        > 45 => x,
        > 1 => x + Elementary.Log1p(-(1 + x) * Math.Exp(-x)),
        _ => Math.Log(Elementary.ExpResidual(x)),
    };

    /// <summary>ln(e^a + e^b).</summary>
    /// <param name="a">A logarithm; negative infinity stands for zero.</param>
    /// <param name="b">A logarithm; negative infinity stands for zero.</param>
    public static double LogAdd(double a, double b)
    {
        var (small, large) = a < b ? (a, b) : (b, a);
        return double.IsInfinity(large) ? large : large + Elementary.Log1p(Math.Exp(small - large));
    }
}
