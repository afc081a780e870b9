namespace DpSgd.Accounting;

/// <summary>Rényi divergences of mechanisms that are described by one epsilon.</summary>
internal static class PureRdp
{
    /// <summary>
    /// The Laplace mechanism (Mironov, arXiv:1702.07476, proposition 6): with a the order, <c>ln((a e^((a - 1) epsilon) +
    /// (a - 1) e^(-a epsilon)) / (2a - 1)) / (a - 1)</c>.
    /// </summary>
    /// <param name="epsilon">One over the scale of the noise, in [0, infinity].</param>
    /// <param name="order">Order, finite and greater than one.</param>
    public static double Laplace(double epsilon, double order)
    {
        if (epsilon == 0 || double.IsPositiveInfinity(epsilon))
            return epsilon;

        // The first powers of epsilon cancel exactly; R(x) = e^x - 1 - x is what remains.
        var excess = LogSpace.LogAdd(
            Math.Log(order) + LogSpace.LogExpResidual((order - 1) * epsilon),
            Math.Log(order - 1) + LogSpace.LogExpResidual(-order * epsilon)) - Math.Log(2 * order - 1);
        return RdpCost.NeverNothing(LogSpace.Log1pExp(excess) / (order - 1));
    }

    /// <summary>
    /// The exponential mechanism, whose losses lie in a range of length epsilon: it is concentrated (Cesar, Rogers,
    /// "Bounding, Concentrating, and Truncating", arXiv:2004.07223), and no order costs more than epsilon.
    /// </summary>
    /// <param name="epsilon">In [0, infinity].</param>
    /// <param name="order">Order, finite and greater than one.</param>
    public static double BoundedRange(double epsilon, double order)
    {
        if (epsilon == 0 || double.IsPositiveInfinity(epsilon))
            return epsilon;

        // With u = epsilon / (e^epsilon - 1), u - 1 - ln u is the residual of the exponential at ln u.
        var logU = -Elementary.Log1p(Elementary.ExpResidual(epsilon) / epsilon);
        var concentrated = Elementary.ExpResidual(logU) + epsilon * epsilon / 8 * (order - 1);
        return double.IsFinite(concentrated) ? RdpCost.NeverNothing(Math.Min(concentrated, epsilon)) : epsilon;
    }
}
