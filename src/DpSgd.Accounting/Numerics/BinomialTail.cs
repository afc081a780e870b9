namespace DpSgd.Accounting;

/// <summary>
/// Tails of binomial distributions, never below the truth: the probability of one number by the saddle point (Loader, "Fast
/// and Accurate Computation of Binomial Probabilities", 2000), and those beyond it by their ratios, which fall.
/// </summary>
internal static class BinomialTail
{
    // Relative; the sum is accurate to about 1e-13 for up to 1e12 trials.
    private const double Margin = 1e-11;

    // As many terms as ten standard deviations of 1e12 trials.
    private const int MostTerms = 10_000_000;

    /// <summary>A bound on the probability of at least so many successes, within 1e-10 of it; null where that is too dear.</summary>
    /// <param name="least">Successes, at least one.</param>
    /// <param name="trials">Trials, at least zero.</param>
    /// <param name="probability">Of each success, in [0, 1].</param>
    public static double? Above(long least, long trials, double probability)
    {
        if (least > trials)
            return 0;
        if (probability is 0 or 1)
            return probability;

        // The shorter tail is summed, outwards.
        double n = trials, odds = probability / (1 - probability);
        var isUpper = least > n * probability;
        double k = isUpper ? least : least - 1;
        var (sum, term) = (0.0, 1.0);
        for (var i = 0; i < MostTerms; i++)
        {
            sum += term;
            var ratio = isUpper ? (n - k) / (k + 1) * odds : k / (n - k + 1) / odds;
            k += isUpper ? 1 : -1;
            term *= ratio;

            // All that follow are less than a geometric series.
            if (ratio < 1 && term / (1 - ratio) <= 1e-14 * sum)
            {
                var tail = Math.Exp(LogMass(isUpper ? least : least - 1, n, probability)) * (sum + term / (1 - ratio));
                return Math.Min(1, isUpper ? tail * (1 + Margin) : 1 - tail * (1 - Margin));
            }
        }

        return null;
    }

    /// <summary>ln of the probability of just so many successes, to a few units of rounding of its terms.</summary>
    /// <param name="k">Successes.</param>
    /// <param name="n">Trials.</param>
    /// <param name="probability">Of each success, in (0, 1).</param>
    public static double LogMass(double k, double n, double probability)
    {
        if (k == 0)
            return n * Elementary.Log1p(-probability);
        if (k == n)
            return n * Math.Log(probability);
        return StirlingError(n) - StirlingError(k) - StirlingError(n - k)
            - Deviance(k, n * probability) - Deviance(n - k, n * (1 - probability))
            + 0.5 * Math.Log(n / (2 * Math.PI * k * (n - k)));
    }

    /// <summary>ln n! over Stirling's formula.</summary>
    private static double StirlingError(double n)
    {
        if (n > 15)
        {
            var s = 1 / (n * n);
            return (1.0 / 12 - s * (1.0 / 360 - s * (1.0 / 1260 - s * (1.0 / 1680 - s * (1.0 / 1188 - s * 691 / 360360))))) / n;
        }

        var logFactorial = 0.0;
        for (var i = 2; i <= n; i++)
            logFactorial += Math.Log(i);
        return logFactorial - ((n + 0.5) * Math.Log(n) - n + 0.5 * Math.Log(2 * Math.PI));
    }

    /// <summary>x ln(x / mean) + mean - x, which is nearly zero where both are near each other.</summary>
    private static double Deviance(double x, double mean)
    {
        var difference = x - mean;
        if (!(Math.Abs(difference) < 0.1 * (x + mean)))
            return x * Math.Log(x / mean) - difference;
        var v = difference / (x + mean);
        var (sum, power) = (difference * v, 2 * x * v);
        for (var j = 1; j < 100; j++)
        {
            power *= v * v;
            var next = sum + power / (2 * j + 1);
            if (next == sum)
                break;
            sum = next;
        }

        return sum;
    }
}
