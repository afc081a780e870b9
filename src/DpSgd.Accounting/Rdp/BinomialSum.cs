namespace DpSgd.Accounting;

/// <summary>
/// The moment A of the sampled Gaussian mechanism at integer orders, where it is a finite sum (arXiv:1908.10530,
/// section 3.3): <c>sum over k of C(order, k) q^k (1 - q)^(order - k) e^((k^2 - k) / 2 sigma^2)</c>. The binomial
/// weights add up to one, so subtracting one from every exponential gives A - 1, a sum of positive terms that starts at
/// k = 2.
/// </summary>
internal sealed class BinomialSum
{
    /// <summary>The largest order. Its binomial coefficients are still exact as integers.</summary>
    public const int LargestOrder = 64;

    private static readonly double[][] LogCoefficients = ComputeLogCoefficients();

    private readonly double _logMiss;
    private readonly double[] _logGain = new double[LargestOrder + 1];

    /// <summary>The mechanism.</summary>
    /// <param name="samplingProbability">Probability q, in (0, 1), with which each example is in the sample.</param>
    /// <param name="noiseMultiplier">Sigma, positive and finite.</param>
    public BinomialSum(double samplingProbability, double noiseMultiplier)
    {
        var logHit = Math.Log(samplingProbability);
        _logMiss = Elementary.Log1p(-samplingProbability);

        // What does not depend on the order is computed once for all of them.
        for (var k = 2; k <= LargestOrder; k++)
            _logGain[k] = k * logHit + LogSpace.LogExpm1(k * (k - 1) / noiseMultiplier / noiseMultiplier / 2);
    }

    /// <summary>ln A.</summary>
    /// <param name="order">Integer order, from 2 to <see cref="LargestOrder"/>.</param>
    public double LogMoment(int order)
    {
        var logCoefficients = LogCoefficients[order];
        var sum = new LogSum();
        for (var k = 2; k <= order; k++)
            sum.Add(logCoefficients[k] + (order - k) * _logMiss + _logGain[k]);
        return LogSpace.Log1pExp(sum.Value);
    }

    private static double[][] ComputeLogCoefficients()
    {
        // Pascal's triangle: row by row, from its end, so that each entry still finds its left neighbour of the row before.
        var rows = new double[LargestOrder + 1][];
        var row = new ulong[LargestOrder + 1];
        for (var order = 0; order <= LargestOrder; order++)
        {
            rows[order] = new double[order + 1];
            row[order] = 1;
            for (var k = order - 1; k > 0; k--)
                row[k] += row[k - 1];
            for (var k = 0; k <= order; k++)
                rows[order][k] = Math.Log(row[k]);
        }

        return rows;
    }
}
