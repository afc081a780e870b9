namespace DpSgd.Accounting;

/// <summary>The best order near the best one of a list.</summary>
internal static class RdpOrderSearch
{
    // The golden section, and how often the interval shrinks by it: to a millionth.
    private const double Section = 0.6180339887498949;
    private const int Steps = 30;

    /// <summary>
    /// Searches between the neighbours of an order, by golden section in ln(order - 1). Where the list ends the search goes
    /// on to a hundredth, or a hundred times, of it.
    /// </summary>
    /// <param name="orders">The list.</param>
    /// <param name="order">The best order of the list.</param>
    /// <param name="epsilon">What an order proves.</param>
    public static (double Epsilon, double Order) Best(IReadOnlyList<double> orders, double order, Func<double, double> epsilon)
    {
        var below = orders.Where(other => other < order).DefaultIfEmpty(1 + (order - 1) / 100).Max();
        var above = orders.Where(other => other > order).DefaultIfEmpty(1 + (order - 1) * 100).Min();
        var (low, high) = (Math.Log(below - 1), Math.Log(above - 1));
        var best = (Epsilon: double.PositiveInfinity, Order: order);

        double Try(double x)
        {
            var tried = 1 + Math.Exp(x);
            var value = epsilon(tried);
            if (value < best.Epsilon)
                best = (value, tried);
            return value;
        }

        var (a, b) = (high - Section * (high - low), low + Section * (high - low));
        var (atA, atB) = (Try(a), Try(b));
        for (var i = 0; i < Steps; i++)
        {
            if (atA <= atB)
            {
                (high, b, atB) = (b, a, atA);
                a = high - Section * (high - low);
                atA = Try(a);
            }
            else
            {
                (low, a, atA) = (a, b, atB);
                b = low + Section * (high - low);
                atB = Try(b);
            }
        }

        return best;
    }
}
