namespace DpSgd.Accounting;

/// <summary>
/// Accounts in Rényi differential privacy (Mironov, arXiv:1702.07476): costs of composed events add up at every order,
/// and the best order is chosen when an epsilon is asked for. Quick, exact in its costs, and somewhat above the
/// tightest epsilon.
/// </summary>
/// <remarks>
/// <para>
/// Knows Gaussian mechanisms, Poisson samples of (compositions of) Gaussian mechanisms, and compositions of these.
/// Poisson samples have no bound under <see cref="NeighboringRelation.ReplaceOne"/> and are refused there.
/// </para>
/// <para>
/// The cost of an event is computed once, however often it is composed. All members may be called from several threads;
/// a call sees all of a composition or nothing of it. The result does not depend on how the same events were grouped
/// into calls.
/// </para>
/// </remarks>
public sealed class RdpAccountant : IPrivacyAccountant
{
    private readonly Lock _lock = new();
    private readonly EventLedger _ledger = new();
    private readonly List<double[]> _curves = [];
    private double[]? _total;

    /// <summary>An accountant with an empty ledger.</summary>
    /// <param name="orders">Orders of the Rényi divergence, each finite and greater than one; <see cref="DefaultOrders"/> when null. More orders can only lower epsilon.</param>
    /// <param name="neighboringRelation">Which data sets the guarantee cannot tell apart.</param>
    /// <exception cref="ArgumentException"><paramref name="orders"/> is empty.</exception>
    /// <exception cref="ArgumentOutOfRangeException">One of <paramref name="orders"/> is NaN, infinite or not greater than one, or <paramref name="neighboringRelation"/> is none of the known ones.</exception>
    public RdpAccountant(
        IEnumerable<double>? orders = null,
        NeighboringRelation neighboringRelation = NeighboringRelation.AddOrRemoveOne)
    {
        Orders = orders is null ? DefaultOrders : RdpOrders.Checked(orders);
        NeighboringRelation = Guard.Defined(neighboringRelation);
    }

    /// <summary>
    /// The orders that the field uses: 1.1, 1.2, ... 10.9, then 11, 12, ... 63, then 128, 256, 512 and 1024.
    /// </summary>
    public static IReadOnlyList<double> DefaultOrders => RdpOrders.Default;

    /// <summary>The orders at which costs are kept, as they were given.</summary>
    public IReadOnlyList<double> Orders { get; }

    /// <inheritdoc/>
    public NeighboringRelation NeighboringRelation { get; }

    /// <summary>
    /// What was composed so far: every distinct event that is no composition, in the order of first sight. A copy.
    /// </summary>
    public IReadOnlyList<LedgerEntry> Ledger
    {
        get
        {
            lock (_lock)
                return [.. _ledger.Entries];
        }
    }

    /// <inheritdoc/>
    /// <exception cref="OverflowException">An event would have happened more often than a <see cref="long"/> can count. Nothing was entered.</exception>
    public void Compose(DpEvent dpEvent, long count = 1)
    {
        Guard.NotNull(dpEvent);
        Guard.AtLeast(1, count);
        var parts = EventLedger.TakeApart(dpEvent, count);
        lock (_lock)
        {
            // Whatever can fail comes first: an event without a curve, a count that overflows.
            var newCurves = parts
                .Where(part => !_ledger.Contains(part.Event))
                .Select(part => RdpCurve.Of(part.Event, NeighboringRelation, Orders))
                .ToArray();
            _ledger.Enter(parts);
            _curves.AddRange(newCurves);
            _total = null;
        }
    }

    /// <inheritdoc/>
    public double GetEpsilon(double targetDelta) => GetEpsilonAndOptimalOrder(targetDelta).Epsilon;

    /// <summary>The epsilon that holds with the given delta, and the order that proves it.</summary>
    /// <param name="targetDelta">Delta, in [0, 1]. With zero, epsilon is infinite unless nothing was spent.</param>
    /// <returns>
    /// Epsilon, at least zero; positive infinity when no order has a finite cost. The order is the first of the best in
    /// <see cref="Orders"/>, and the first of all when there is nothing to choose.
    /// </returns>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="targetDelta"/> is NaN or outside [0, 1].</exception>
    public (double Epsilon, double OptimalOrder) GetEpsilonAndOptimalOrder(double targetDelta)
    {
        Guard.Probability(targetDelta);
        return RdpConversion.Epsilon(Orders, Total(), targetDelta);
    }

    /// <inheritdoc/>
    public double GetDelta(double targetEpsilon)
    {
        Guard.NonNegative(targetEpsilon);
        return RdpConversion.Delta(Orders, Total(), targetEpsilon).Delta;
    }

    /// <summary>The cost of everything composed so far, as the Rényi divergence at each of <see cref="Orders"/>.</summary>
    /// <returns>As many numbers in [0, infinity] as there are orders. A copy.</returns>
    public IReadOnlyList<double> GetRdp() => [.. Total()];

    // Summed anew from the ledger, not added to: 100,000 additions would gather 100,000 rounding errors.
    private double[] Total()
    {
        lock (_lock)
        {
            if (_total is not null)
                return _total;

            var total = new double[Orders.Count];
            for (var e = 0; e < _curves.Count; e++)
            {
                double count = _ledger.Entries[e].Count;
                var curve = _curves[e];
                for (var i = 0; i < total.Length; i++)
                    total[i] += count * curve[i];
            }

            return _total = total;
        }
    }
}
