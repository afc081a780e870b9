namespace DpSgd;

/// <summary>
/// Coefficients for <see cref="BoxMuller"/>: fits at Chebyshev nodes, named by their powers. Smooth and close enough that the
/// distribution of what is made with them is that of exact values, to nine digits.
/// </summary>
internal static class NormalFits
{
    // -2 ln(1 + f) / f, for 1 + f from sqrt(1/2) to sqrt(2), to 2^-42.
    public const double Log0 = -2.0000000000001235, Log1 = 1.0000000000023992, Log2 = -0.6666666665392852, Log3 = 0.49999999901523484;
    public const double Log4 = -0.4000000209708754, Log5 = 0.3333334564645368, Log6 = -0.28571303535068826, Log7 = 0.24999306141047503;
    public const double Log8 = -0.22225524456540352, Log9 = 0.20020059808776303, Log10 = -0.18145575076020773, Log11 = 0.163626513639432;
    public const double Log12 = -0.153990245659453, Log13 = 0.1649005130148568, Log14 = -0.15841368543849355, Log15 = 0.07774322563246243;

    // sin(t pi/4) / t, by powers of t^2, for t from -1 to 1, to 2^-48.
    public const double Sin0 = 0.785398163397445, Sin1 = -0.08074551218803863, Sin2 = 0.0024903945673670634;
    public const double Sin3 = -3.6576192120767256e-05, Sin4 = 3.1333840829093e-07, Sin5 = -1.7365167288597578e-09;

    // cos(t pi/4), by powers of t^2, for t from -1 to 1, to 2^-44.
    public const double Cos0 = 0.9999999999999444, Cos1 = -0.3084251375300398, Cos2 = 0.01585434419710652;
    public const double Cos3 = -0.0003259916875350726, Cos4 = 3.5904755349763954e-06, Cos5 = -2.426851890411488e-08;

    public const double MinusTwoLogTwo = -2 * 0.6931471805599453;

    // A word w becomes (w + 1/2) 2^-64: never zero, and with all its 64 bits where they matter, far out in the tail.
    public const double ToUniform = 1.0 / (1L << 32) / (1L << 32);
    public const double HalfAUnit = 0.5 * ToUniform;

    // Far below the square of every radius but zero, which it stands for.
    public const double Tiny = 1e-25;

    public const ulong SqrtHalfBits = 0x3FE6A09E667F3BCD;
    public const ulong MantissaBits = (1ul << 52) - 1;

    // Bits of 2.0, of 2^52, and how a negative exponent is kept positive.
    public const ulong TwoBits = 0x4000000000000000;
    public const ulong BigBits = 0x4330000000000000;
    public const int ExponentBias = 1024;
    public const double BigAndBias = (1L << 52) + ExponentBias;
    public const ulong SqrtHalfLessBias = unchecked(SqrtHalfBits - ((ulong)ExponentBias << 52));
}
