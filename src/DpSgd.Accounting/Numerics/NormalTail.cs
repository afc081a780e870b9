namespace DpSgd.Accounting;

/// <summary>
/// Tails of the standard normal distribution, relatively accurate however far out. Where the probability itself is too
/// small to be written down its logarithm is not.
/// </summary>
/// <remarks>
/// The tail is the density times Mills' ratio, a slowly falling function: the integral of e^(-z t - t^2 / 2) over positive t.
/// Its Taylor polynomials, one for every sixteenth, are faster than a library's error function, and a grid of losses needs
/// hundreds of thousands of tails.
/// </remarks>
internal static class NormalTail
{
    // Beyond this Laplace's continued fraction converges quickly.
    private const double Far = 10;

    private const int PerUnit = 16;

    // The terms fall by 1 / (2 PerUnit) each, or faster.
    private const int Degree = 9;

    private static readonly double HalfLogTwoPi = 0.5 * Math.Log(2 * Math.PI);
    private static readonly double DensityAtZero = 1 / Math.Sqrt(2 * Math.PI);
    private static readonly double[] Coefficients = MillsCoefficients();

    /// <summary>Probability that a standard normal variable is above <paramref name="z"/>.</summary>
    /// <param name="z">Any number.</param>
    public static double Above(double z) => z < 0
        ? 1 - Above(-z)
        : DensityAtZero * Math.Exp(-0.5 * z * z) * MillsRatio(z);

    /// <summary>ln of <see cref="Above"/>.</summary>
    /// <param name="z">Any number.</param>
    public static double LogAbove(double z) => z < -1
        ? Elementary.Log1p(-Above(-z))
        : z < 0 ? Math.Log(Above(z)) : -0.5 * z * z - HalfLogTwoPi + Math.Log(MillsRatio(z));

    /// <summary>Tail over density.</summary>
    /// <param name="z">At least zero.</param>
    public static double MillsRatio(double z)
    {
        if (!(z < Far))
            return 1 / (z + Fraction(z));
        var node = (int)(z * PerUnit + 0.5);
        var t = z - (double)node / PerUnit;
        var c = Coefficients.AsSpan(node * (Degree + 1), Degree + 1);
        var sum = c[Degree];
        for (var n = Degree - 1; n >= 0; n--)
            sum = sum * t + c[n];
        return sum;
    }

    /// <summary>1 / (z + 2 / (z + 3 / (z + ...))), the continued fraction of the density over the tail, less its z.</summary>
    private static double Fraction(double z)
    {
        var tail = 0.0;
        for (var k = 40; k >= 1; k--)
            tail = k / (z + tail);
        return tail;
    }

    /// <summary>
    /// The n-th coefficient is the integral of (-t)^n / n! e^(-z t - t^2 / 2): by the trapezoidal rule after the doubly
    /// exponential substitution t = e^(s - e^-s).
    /// </summary>
    private static double[] MillsCoefficients()
    {
        const int Nodes = 140;
        const double Reach = 4.3;
        var coefficients = new double[((int)Far * PerUnit + 1) * (Degree + 1)];
        for (var i = 0; i < Nodes; i++)
        {
            var s = -Reach + i * (2 * Reach / Nodes);
            var t = Math.Exp(s - Math.Exp(-s));
            var weight = 2 * Reach / Nodes * t * (1 + Math.Exp(-s));
            for (var node = 0; node <= (int)Far * PerUnit; node++)
            {
                var term = weight * Math.Exp(-t * ((double)node / PerUnit + 0.5 * t));
                for (var n = 0; n <= Degree; n++, term *= -t / n)
                    coefficients[node * (Degree + 1) + n] += term;
            }
        }

        return coefficients;
    }
}
