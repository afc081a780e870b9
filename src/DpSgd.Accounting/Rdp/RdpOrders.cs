namespace DpSgd.Accounting;

/// <summary>Orders of the Rényi divergence, at which an accountant keeps its costs.</summary>
internal static class RdpOrders
{
    /// <summary>The field's usual list. Tenths are quotients, so that each is the double nearest to its decimal.</summary>
    public static IReadOnlyList<double> Default { get; } = Array.AsReadOnly(
    [
        .. Enumerable.Range(1, 99).Select(tenths => (10 + tenths) / 10.0),
        .. Enumerable.Range(11, 53).Select(order => (double)order),
        128, 256, 512, 1024,
    ]);

    /// <summary>A copy of what the user chose.</summary>
    /// <exception cref="ArgumentException"><paramref name="orders"/> is empty.</exception>
    /// <exception cref="ArgumentOutOfRangeException">An order is NaN, infinite or not greater than one.</exception>
    public static IReadOnlyList<double> Checked(IEnumerable<double> orders)
    {
        double[] copy = [.. orders.Select(order => Guard.Order(order, nameof(orders)))];
        return copy.Length > 0
            ? Array.AsReadOnly(copy)
            : throw new ArgumentException("orders must hold at least one order, but it is empty.", nameof(orders));
    }
}
