namespace DpSgd.Accounting;

/// <summary>Rényi divergence of mechanisms with finitely many losses, in the worse of both directions.</summary>
internal static class DiscreteRdp
{
    /// <summary>The divergence at each order.</summary>
    /// <param name="outputs">Losses and probabilities of the outputs under both data sets, none zero.</param>
    /// <param name="orders">Orders, finite and greater than one.</param>
    public static double[] AtOrders(IReadOnlyList<(double Loss, double P, double Q)> outputs, IReadOnlyList<double> orders)
    {
        var reverse = outputs.Select(output => (-output.Loss, output.Q, output.P)).ToArray();
        return [.. orders.Select(order => RdpCost.NeverNothing(Math.Max(Divergence(outputs, order), Divergence(reverse, order))))];
    }

    /// <summary>
    /// With loss l = ln P/Q and R(x) = e^x - 1 - x, the moment E[e^((order - 1) l)] under P exceeds one by
    /// <c>E[R((order - 1) l)] + (order - 1) E[R(-l)]</c>: nothing cancels.
    /// </summary>
    private static double Divergence(IEnumerable<(double Loss, double P, double Q)> outputs, double order)
    {
        var excess = new LogSum();
        foreach (var (loss, p, _) in outputs)
        {
            excess.Add(Math.Log(p) + LogSpace.LogExpResidual((order - 1) * loss));
            excess.Add(Math.Log(p) + Math.Log(order - 1) + LogSpace.LogExpResidual(-loss));
        }

        return LogSpace.Log1pExp(excess.Value) / (order - 1);
    }
}
