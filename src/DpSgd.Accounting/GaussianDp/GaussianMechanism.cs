namespace DpSgd.Accounting;

/// <summary>
/// The Gaussian mechanism by itself, exactly (Balle, Wang, "Improving the Gaussian Mechanism for Differential Privacy",
/// arXiv:1805.06530, theorem 8): with mu the sensitivity over the standard deviation of the noise,
/// <c>delta = Phi(mu/2 - epsilon/mu) - e^epsilon Phi(-mu/2 - epsilon/mu)</c>. The textbook's
/// <c>sqrt(2 ln(1.25/delta)) / epsilon</c> needs more noise, and is no guarantee for an epsilon above one.
/// </summary>
/// <remarks>
/// Noise multipliers are relative to the sensitivity under the neighbouring relation that is meant. When an example is
/// replaced that is twice the clip norm.
/// </remarks>
public static class GaussianMechanism
{
    /// <summary>The least epsilon that holds with the given delta.</summary>
    /// <param name="noiseMultiplier">Standard deviation of the noise over the sensitivity, in [0, infinity].</param>
    /// <param name="delta">Delta, in [0, 1].</param>
    /// <returns>Epsilon, at least zero; infinite without noise, or with a delta of zero and finite noise.</returns>
    /// <exception cref="ArgumentOutOfRangeException">An argument is NaN or outside its range.</exception>
    public static double GetEpsilon(double noiseMultiplier, double delta)
    {
        Guard.NonNegative(noiseMultiplier);
        Guard.Probability(delta);
        if (delta == 1 || double.IsPositiveInfinity(noiseMultiplier))
            return 0;
        if (delta == 0 || noiseMultiplier == 0)
            return double.PositiveInfinity;

        var logDelta = Math.Log(delta);
        if (GaussianHockeyStick.LogDelta(noiseMultiplier, 0) <= logDelta)
            return 0;

        // Chernoff's bound is above the answer.
        var mu = 1 / noiseMultiplier;
        var high = mu * (0.5 * mu + Math.Sqrt(-2 * logDelta));
        return double.IsFinite(high)
            ? MonotoneRoot.Above(epsilon => logDelta - GaussianHockeyStick.LogDelta(noiseMultiplier, epsilon), 0, high)
            : double.PositiveInfinity;
    }

    /// <summary>The least delta that holds with the given epsilon.</summary>
    /// <param name="noiseMultiplier">Standard deviation of the noise over the sensitivity, in [0, infinity].</param>
    /// <param name="epsilon">Epsilon, at least zero.</param>
    /// <returns>Delta, in [0, 1].</returns>
    /// <exception cref="ArgumentOutOfRangeException">An argument is NaN or outside its range.</exception>
    public static double GetDelta(double noiseMultiplier, double epsilon)
    {
        Guard.NonNegative(noiseMultiplier);
        Guard.NonNegative(epsilon);
        if (double.IsPositiveInfinity(noiseMultiplier) || double.IsPositiveInfinity(epsilon))
            return 0;
        return noiseMultiplier == 0 ? 1 : Math.Clamp(Math.Exp(GaussianHockeyStick.LogDelta(noiseMultiplier, epsilon)), double.Epsilon, 1);
    }

    /// <summary>The least noise that gives the wanted guarantee.</summary>
    /// <param name="epsilon">Epsilon, positive and finite.</param>
    /// <param name="delta">Delta, in (0, 1).</param>
    /// <returns>Standard deviation of the noise over the sensitivity, positive.</returns>
    /// <exception cref="ArgumentOutOfRangeException">An argument is NaN or outside its range.</exception>
    public static double GetNoiseMultiplier(double epsilon, double delta)
    {
        Guard.Positive(epsilon);
        var logDelta = Math.Log(Guard.StrictlyBetweenZeroAndOne(delta));

        // At the noise of Chernoff's bound the guarantee holds; below it, halve until it does not.
        var root = Math.Sqrt(-2 * logDelta);
        var high = (root + Math.Sqrt(-2 * logDelta + 2 * epsilon)) / (2 * epsilon);
        var low = high;
        while (GaussianHockeyStick.LogDelta(low, epsilon) <= logDelta)
            low /= 2;
        return MonotoneRoot.Above(sigma => logDelta - GaussianHockeyStick.LogDelta(sigma, epsilon), low, high);
    }
}
