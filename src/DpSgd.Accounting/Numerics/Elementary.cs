namespace DpSgd.Accounting;

/// <summary>
/// Elementary functions that keep their relative accuracy near zero, to a few units in the last place. The runtime's
/// <c>double.LogP1</c> and <c>double.ExpM1</c> are <c>Log(1 + x)</c> and <c>Exp(x) - 1</c>, which lose every digit of a
/// small argument (dotnet/runtime#127508), and privacy costs are small numbers.
/// </summary>
internal static class Elementary
{
    // Below this the Taylor series is more accurate than the difference of exponentials.
    private const double SeriesBound = 0.5;

    // Below this six terms are enough for full precision. With small sampling rates that is nearly every argument.
    private const double ShortSeriesBound = 0.01;

    /// <summary>ln(1 + x).</summary>
    /// <param name="x">At least -1; -1 gives negative infinity.</param>
    public static double Log1p(double x)
    {
        if (double.IsPositiveInfinity(x))
            return x;
        var rounded = 1 + x;
        if (rounded == 0)
            return double.NegativeInfinity;

        // What the rounding of 1 + x lost, to first order; the second order is below the last place.
        return Math.Log(rounded) + (x - (rounded - 1)) / rounded;
    }

    /// <summary>e^x - 1.</summary>
    /// <param name="x">Any number; large ones give positive infinity.</param>
    public static double Expm1(double x) =>
        Math.Abs(x) < SeriesBound ? x + ExpResidual(x) : Math.Exp(x) - 1;

    /// <summary>
    /// e^x - 1 - x, what is left of the exponential beyond its tangent. Never negative, and x^2 / 2 near zero.
    /// </summary>
    /// <param name="x">Any number; large ones give positive infinity.</param>
    public static double ExpResidual(double x)
    {
        var size = Math.Abs(x);
        if (size >= SeriesBound)
            return double.IsPositiveInfinity(x) ? x : Math.Exp(x) - 1 - x;

        // x^2 / 2 (1 + x/3 (1 + x/4 (1 + ...))), cut where the next term no longer counts.
        var series = 1.0;
        if (size >= ShortSeriesBound)
            series = 1 + x / 9 * (1 + x / 10 * (1 + x / 11 * (1 + x / 12 * (1 + x / 13 * (1 + x / 14 * (1 + x / 15))))));
        series = 1 + x * (1.0 / 3) * (1 + x * 0.25 * (1 + x * 0.2 * (1 + x * (1.0 / 6) * (1 + x * (1.0 / 7) * (1 + x * 0.125 * series)))));
        return x * x * 0.5 * series;
    }
}
