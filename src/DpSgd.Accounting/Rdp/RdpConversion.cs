namespace DpSgd.Accounting;

/// <summary>
/// From Rényi differential privacy to epsilon and delta. Each order gives a valid pair, so the best order may be chosen
/// after the fact. Everything is in ln delta, so that a delta of 1e-300 is as good as any.
/// </summary>
/// <remarks>
/// Two bounds are used. Canonne, Kamath and Steinke, "The Discrete Gaussian for Differential Privacy"
/// (arXiv:2004.00010), proposition 12: <c>epsilon = r + ln(1 - 1/order) - (ln delta + ln order) / (order - 1)</c>. And
/// Bretagnolle and Huber: a divergence r (any order above one bounds the Kullback-Leibler divergence) keeps the total
/// variation distance, which is delta at epsilon zero, below <c>sqrt(1 - e^-r)</c>. Both hold for every order above one.
/// Software with unreliable costs near order one leaves out orders up to 1.01; these costs are exact there, so no order
/// is left out.
/// </remarks>
internal static class RdpConversion
{
    /// <summary>The least epsilon, and the first order that gives it.</summary>
    /// <param name="orders">Orders, finite and greater than one.</param>
    /// <param name="rdp">Divergence at each order, in [0, infinity].</param>
    /// <param name="delta">Delta, in [0, 1].</param>
    /// <returns>Epsilon in [0, infinity]. Where all orders are equal, the first one.</returns>
    public static (double Epsilon, double Order) Epsilon(IReadOnlyList<double> orders, ReadOnlySpan<double> rdp, double delta)
    {
        // Everything is (0, 1)-private, even what has no finite cost.
        if (delta == 1)
            return (0, orders[0]);

        var logDelta = Math.Log(delta);
        var best = (Epsilon: double.PositiveInfinity, Order: orders[0]);
        for (var i = 0; i < rdp.Length; i++)
        {
            var epsilon = EpsilonAt(orders[i], rdp[i], logDelta);
            if (epsilon < best.Epsilon)
                best = (epsilon, orders[i]);
        }

        return best with { Epsilon = Math.Max(0, best.Epsilon) };
    }

    /// <summary>The least epsilon by the conversion of arXiv:1702.07476, and the first order that gives it.</summary>
    public static (double Epsilon, double Order) ClassicEpsilon(IReadOnlyList<double> orders, ReadOnlySpan<double> rdp, double delta)
    {
        var best = (Epsilon: double.PositiveInfinity, Order: orders[0]);
        for (var i = 0; i < rdp.Length; i++)
        {
            var epsilon = rdp[i] == 0 ? 0 : rdp[i] - Math.Log(delta) / (orders[i] - 1);
            if (epsilon < best.Epsilon)
                best = (epsilon, orders[i]);
        }

        return best;
    }

    /// <summary>The least delta, and the first order that gives it.</summary>
    /// <param name="orders">Orders, finite and greater than one.</param>
    /// <param name="rdp">Divergence at each order, in [0, infinity].</param>
    /// <param name="epsilon">Epsilon, in [0, infinity].</param>
    /// <returns>Delta in [0, 1]. Where all orders are equal, the first one.</returns>
    public static (double Delta, double Order) Delta(IReadOnlyList<double> orders, ReadOnlySpan<double> rdp, double epsilon)
    {
        // Everything is (infinity, 0)-private.
        if (double.IsPositiveInfinity(epsilon))
            return (0, orders[0]);

        var best = (LogDelta: double.PositiveInfinity, Order: orders[0]);
        for (var i = 0; i < rdp.Length; i++)
        {
            var logDelta = LogDeltaAt(orders[i], rdp[i], epsilon);
            if (logDelta < best.LogDelta)
                best = (logDelta, orders[i]);
        }

        // What is too small for a double is rounded up: a delta of zero would be another promise.
        var delta = double.IsNegativeInfinity(best.LogDelta) ? 0 : Math.Max(double.Epsilon, Math.Exp(Math.Min(0, best.LogDelta)));
        return (delta, best.Order);
    }

    private static double EpsilonAt(double order, double rdp, double logDelta)
    {
        // A cost of exactly zero is that of a mechanism that shows nothing, which is even (0, 0)-private.
        if (rdp == 0 || 2 * logDelta > LogSpace.Log1mExp(rdp))
            return 0;
        return rdp + Elementary.Log1p(-1 / order) - (logDelta + Math.Log(order)) / (order - 1);
    }

    private static double LogDeltaAt(double order, double rdp, double epsilon)
    {
        var totalVariation = 0.5 * LogSpace.Log1mExp(rdp);
        var moment = (order - 1) * (rdp - epsilon + Elementary.Log1p(-1 / order)) - Math.Log(order);
        return Math.Min(totalVariation, moment);
    }
}
