namespace DpSgd.Accounting;

/// <summary>
/// Rényi divergence of the Gaussian mechanism on a sample drawn without replacement, when an example is replaced (Wang,
/// Balle, Kasiviswanathan, "Subsampled Rényi Differential Privacy and Analytical Moments Accountant", arXiv:1808.00087,
/// theorem 27 and corollary 10).
/// </summary>
internal sealed class WithoutReplacementRdp
{
    // Above this order the moments of e^L - 1 are bounded by those of e^L, as the theorem allows.
    private const int LargestExactOrder = 256;

    private readonly double _logRate;
    private readonly double _rate;
    private readonly double _noiseMultiplier;
    private readonly Dictionary<int, double> _logCentralMoments = [];

    /// <summary>The mechanism.</summary>
    /// <param name="rate">Sample size over data set size, in [0, 1].</param>
    /// <param name="noiseMultiplier">Noise over the sensitivity, in [0, infinity].</param>
    public WithoutReplacementRdp(double rate, double noiseMultiplier)
    {
        _rate = rate;
        _logRate = Math.Log(rate);
        _noiseMultiplier = noiseMultiplier;
    }

    /// <summary>The divergence at each order.</summary>
    /// <param name="orders">Orders, finite and greater than one.</param>
    public double[] AtOrders(IReadOnlyList<double> orders)
    {
        if (_rate == 0 || double.IsPositiveInfinity(_noiseMultiplier))
            return new double[orders.Count];
        return [.. orders.Select(order => Math.Min(
            PoissonSampledGaussianRdp.Unsampled(order, _noiseMultiplier),
            _rate == 1 || _noiseMultiplier == 0 || order > 1e5 ? double.PositiveInfinity : Sampled(order)))];
    }

    // The cumulant generating function is convex: between integers it lies below the chord.
    private double Sampled(double order)
    {
        var (below, above) = ((int)Math.Floor(order), (int)Math.Ceiling(order));
        var share = order - below;
        var moment = share == 0 ? LogMoment(below) : (1 - share) * LogMoment(below) + share * LogMoment(above);
        return Math.Max(moment / (order - 1), double.Epsilon);
    }

    /// <summary>ln of the bound on the moment of an integer order.</summary>
    private double LogMoment(int order)
    {
        var excess = new LogSum();
        var logBinomial = Math.Log(order);
        for (var i = 2; i <= order; i++)
        {
            logBinomial += Math.Log((order - i + 1.0) / i);
            var plain = Math.Log(2) + LogPlainMoment(i);
            var term = plain;
            if (i == 2)
                term = Math.Min(Math.Log(4) + LogSpace.LogExpm1(LogPlainMoment(2)), plain);
            else if (order <= LargestExactOrder)
                term = Math.Min(Math.Log(4) + 0.5 * (LogCentralMoment(i / 2 * 2) + LogCentralMoment((i + 1) / 2 * 2)), plain);
            excess.Add(term + i * _logRate + logBinomial);
        }

        return LogSpace.Log1pExp(excess.Value);
    }

    // ln E[e^(j L)] for the loss L of the mechanism without sampling, under Q.
    private double LogPlainMoment(int j) => j * (j - 1.0) / 2 / _noiseMultiplier / _noiseMultiplier;

    /// <summary>
    /// ln E[(e^L - 1)^j] for an even j: as an integral of something positive, because the alternating sum of the moments of
    /// e^L, which it also is, loses all digits.
    /// </summary>
    private double LogCentralMoment(int j)
    {
        if (_logCentralMoments.TryGetValue(j, out var known))
            return known;

        // Over z from N(0, 1), with L = z / sigma - 1 / 2 sigma^2. The mass lies between -j and j / sigma.
        var s = 1 / _noiseMultiplier;
        var (left, right) = (-Math.Sqrt(2 * j) - 14, j * s + Math.Sqrt(2 * j) + 14);
        const double Step = 0.1;
        var sum = new LogSum();
        for (var z = left; z <= right; z += Step)
        {
            var loss = s * (z - 0.5 * s);
            var log = loss > 0 ? LogSpace.LogExpm1(loss) : LogSpace.Log1mExp(-loss);
            sum.Add(j * log - 0.5 * z * z);
        }

        return _logCentralMoments[j] = sum.Value + Math.Log(Step) - 0.5 * Math.Log(2 * Math.PI);
    }
}
