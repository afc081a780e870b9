namespace DpSgd.Accounting;

/// <summary>
/// Bounds in closed form on what steps of the Gaussian mechanism on Poisson samples spend, when one example is added or
/// removed: close to the truth where there is so little noise that a step shows whether the example was in its sample. A
/// grid is worst there: the loss of a step is next to nothing or very large.
/// </summary>
/// <remarks>
/// <para>
/// From above: to show the samples costs no less (the hockey-stick divergence is jointly convex), and then delta is the mean
/// over the number k of samples with the example of that of a Gaussian mechanism, whose distance is the root of k over sigma.
/// </para>
/// <para>
/// From below: let S be the set of steps that the example was sampled for, w_S the probability of it, P_S what the steps then give, and
/// Q what they give without the example. For any events A_S, one for each S, and A the union of them, P(A) is at least the
/// sum of w_S P_S(A_S), and Q(A) at most that of Q(A_S). So delta(epsilon), which is at least P(A) - e^epsilon Q(A), is at
/// least the sum of w_S (P_S(A_S) - e^(epsilon - ln w_S) Q(A_S)). The best A_S make of the bracket the hockey-stick divergence
/// of a Gaussian mechanism, whose distance is the root of |S| over sigma, at epsilon - ln w_S.
/// </para>
/// </remarks>
internal static class ShownSamples
{
    /// <summary>With more noise than this a grid's lower bound is the better one.</summary>
    private const double MostNoise = 0.5;

    /// <summary>With less than this a grid's bounds are far worse, and take longer.</summary>
    private const double LeastNoiseOfGrids = 0.026;

    /// <summary>With more samples in the mean, the sum over their number is too long.</summary>
    private const double MostSamples = 1000;

    // What is smaller is not accurate in doubles.
    private const double LeastProbability = 1e-300;

    // For rounding, and that of the terms left out.
    private const double LogMargin = 1e-9;

    // Where a threshold lies is known as well as the noise is. With next to no noise that is less well than the margin above.
    private const double NoiseMargin = 1e-15;

    /// <summary>Whether the lower bound is worth while.</summary>
    /// <param name="probability">Sampling probability.</param>
    /// <param name="sigma">Noise multiplier.</param>
    /// <param name="steps">Number of steps.</param>
    public static bool IsClose(double probability, double sigma, long steps) =>
        probability is >= LeastProbability and < 1 && sigma is > 0 and <= MostNoise && probability * steps <= MostSamples;

    /// <summary>Whether both bounds are better than a grid's.</summary>
    /// <param name="probability">Sampling probability.</param>
    /// <param name="sigma">Noise multiplier.</param>
    /// <param name="steps">Number of steps.</param>
    public static bool IsBest(double probability, double sigma, long steps) => IsClose(probability, sigma, steps) && sigma <= LeastNoiseOfGrids;

    /// <summary>What epsilon is certainly not below, or not above.</summary>
    /// <param name="bound">Which.</param>
    /// <param name="probability">Sampling probability.</param>
    /// <param name="sigma">Noise multiplier.</param>
    /// <param name="steps">Number of steps.</param>
    /// <param name="delta">Delta, positive.</param>
    public static double Epsilon(Bound bound, double probability, double sigma, long steps, double delta)
    {
        bool IsBelow(double epsilon) => LogDelta(bound, probability, sigma, steps, epsilon) >= Math.Log(delta);
        if (!IsBelow(0))
            return 0;
        var (low, high) = (0.0, 1.0);
        while (IsBelow(high))
            (low, high) = (high, 2 * high);
        while (high - low > 1e-12 * high)
        {
            var middle = 0.5 * (low + high);
            if (!(middle > low && middle < high))
                break;
            if (IsBelow(middle))
                low = middle;
            else
                high = middle;
        }

        return bound == Bound.Lower ? low : high;
    }

    /// <summary>What ln delta is certainly not below, or not above.</summary>
    /// <param name="bound">Which.</param>
    /// <param name="probability">Sampling probability.</param>
    /// <param name="sigma">Noise multiplier.</param>
    /// <param name="steps">Number of steps.</param>
    /// <param name="epsilon">Epsilon, at least zero and finite.</param>
    public static double LogDelta(Bound bound, double probability, double sigma, long steps, double epsilon)
    {
        double logIn = Math.Log(probability), logOut = Elementary.Log1p(-probability);
        var noise = sigma * (bound == Bound.Lower ? 1 + NoiseMargin : 1 - NoiseMargin);
        var sum = double.NegativeInfinity;
        for (var k = 1L; k <= steps; k++)
        {
            var logMass = BinomialTail.LogMass(k, steps, probability);   // of all sets of so many steps
            if (k > probability * steps && (logMass < sum - 40 || logMass < -800))
            {
                if (bound == Bound.Upper)
                    sum = LogSpace.LogAdd(sum, Math.Log(BinomialTail.Above(k, steps, probability) ?? 1));
                break;
            }
            var logOfOne = bound == Bound.Lower ? k * logIn + (steps - k) * logOut : 0;
            sum = LogSpace.LogAdd(sum, logMass + GaussianHockeyStick.LogDelta(noise / Math.Sqrt(k), epsilon - logOfOne));
        }

        return bound == Bound.Lower ? sum - LogMargin : sum + LogMargin;
    }
}
