namespace DpSgd.Accounting;

/// <summary>How costs are rounded.</summary>
internal static class RdpCost
{
    /// <summary>A cost that is too small to be written down is rounded up: zero is for mechanisms that cost nothing.</summary>
    public static double NeverNothing(double cost) => Math.Max(cost, double.Epsilon);
}
