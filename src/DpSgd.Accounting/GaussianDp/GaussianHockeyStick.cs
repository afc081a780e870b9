namespace DpSgd.Accounting;

/// <summary>The hockey-stick divergence of N(1, sigma^2) from N(0, sigma^2), relatively accurate however small it is.</summary>
internal static class GaussianHockeyStick
{
    // Up to here the two tails are so alike that their difference must not be taken.
    private const double SmallMu = 0.5;

    private const int Nodes = 160;

    private static readonly double HalfLogTwoPi = 0.5 * Math.Log(2 * Math.PI);

    /// <summary>ln delta.</summary>
    /// <param name="noiseMultiplier">Sigma, positive and finite.</param>
    /// <param name="epsilon">At least zero, and finite.</param>
    public static double LogDelta(double noiseMultiplier, double epsilon)
    {
        var mu = 1 / noiseMultiplier;
        var shift = epsilon * noiseMultiplier;
        var (near, far) = (shift - 0.5 * mu, shift + 0.5 * mu);
        if (mu < SmallMu)
            return -0.5 * near * near - HalfLogTwoPi + Math.Log(Excess(near, mu));

        // The densities at the two thresholds differ by just e^epsilon, which leaves the ratio of Mills' ratios. The tails
        // themselves must not be compared: with little noise their logarithms are so large that the difference is but rounding.
        var logNear = NormalTail.LogAbove(near);
        if (double.IsNegativeInfinity(logNear))
            return logNear;
        var logMillsRatio = near > 0 ? Math.Log(NormalTail.MillsRatio(near)) : logNear + 0.5 * near * near + HalfLogTwoPi;
        var ratio = logMillsRatio - Math.Log(NormalTail.MillsRatio(far));
        return logNear + LogSpace.Log1mExp(Math.Max(0, ratio));
    }

    /// <summary>
    /// The difference of Mills' ratios at z and z + mu, as one integral: the ratio is the integral of e^(-z t - t^2 / 2) over
    /// positive t. By the trapezoidal rule after the substitution t = e^(s - e^-s), which is doubly exponential.
    /// </summary>
    private static double Excess(double z, double mu)
    {
        var sum = 0.0;
        var scale = 1 / Math.Max(1, z);
        for (var i = 0; i < Nodes; i++)
        {
            var s = -4.3 + i * (8.6 / Nodes);
            var inner = Math.Exp(-s);
            var t = scale * Math.Exp(s - inner);
            sum += t * (1 + inner) * Math.Exp(-t * (z + 0.5 * t)) * -Elementary.Expm1(-mu * t);
        }

        return sum * (8.6 / Nodes);
    }
}
