namespace DpSgd.Accounting;

/// <summary>
/// Rényi divergence of releasing the best of a random number of runs (Papernot, Steinke, "Hyperparameter Tuning with Rényi
/// Differential Privacy", arXiv:2110.03620, theorems 2 and 6).
/// </summary>
internal static class RepeatAndSelectRdp
{
    /// <summary>The divergence at each order.</summary>
    /// <param name="orders">Orders, finite and greater than one.</param>
    /// <param name="once">Divergence of one run at each order.</param>
    /// <param name="mean">Mean number of runs, at least one.</param>
    /// <param name="shape">Shape of its distribution, in [0, infinity].</param>
    public static double[] AtOrders(IReadOnlyList<double> orders, double[] once, double mean, double shape)
    {
        if (double.IsPositiveInfinity(shape))
            return [.. orders.Select((order, i) => once[i] + Poisson(orders, once, order, mean))];

        var logGamma = LogGamma(mean, shape);
        var best = double.PositiveInfinity;
        for (var i = 0; i < once.Length; i++)
            best = Math.Min(best, (1 - 1 / orders[i]) * once[i] - logGamma / orders[i]);
        var curve = new double[once.Length];
        for (var i = 0; i < once.Length; i++)
            curve[i] = once[i] + Math.Log(mean) / (orders[i] - 1) + (1 + shape) * best;

        // A divergence grows with its order, so that every larger order bounds the smaller ones.
        return [.. orders.Select(order => orders.Zip(curve).Where(pair => pair.First >= order).Min(pair => pair.Second))];
    }

    private static double Poisson(IReadOnlyList<double> orders, double[] once, double order, double mean)
    {
        var epsilon = Elementary.Log1p(1 / (order - 1));
        return mean * RdpConversion.Delta(orders, once, epsilon).Delta + Math.Log(mean) / (order - 1);
    }

    /// <summary>
    /// ln of the parameter gamma in (0, 1] with which the truncated negative binomial distribution has the wanted mean:
    /// <c>shape (1 / gamma - 1) / (1 - gamma^shape)</c>, in the limit of shape zero <c>(1 / gamma - 1) / ln(1 / gamma)</c>.
    /// Rounded down, which costs more.
    /// </summary>
    private static double LogGamma(double mean, double shape)
    {
        if (mean == 1)
            return 0;

        // In x = -ln gamma: e^x - 1 over (1 - e^(-shape x)) / shape, which grows with x.
        double LogMean(double x) => shape == 0
            ? LogSpace.LogExpm1(x) - Math.Log(x)
            : LogSpace.LogExpm1(x) - LogSpace.Log1mExp(shape * x) + Math.Log(shape);

        // The logarithmic distribution is the widest: its mean is at least e^(x / 2).
        return -MonotoneRoot.Above(x => x == 0 ? -Math.Log(mean) : LogMean(x) - Math.Log(mean), 0, 2 * Math.Log(mean) + 4, 1e-14);
    }
}
