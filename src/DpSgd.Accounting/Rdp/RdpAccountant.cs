using System.Diagnostics.CodeAnalysis;

namespace DpSgd.Accounting;

/// <summary>
/// Accounts in Rényi differential privacy (Mironov, arXiv:1702.07476): costs of composed events add up at every order,
/// and the best order is chosen when an epsilon is asked for. Quick, exact in its costs, and somewhat above the
/// tightest epsilon.
/// </summary>
/// <remarks>
/// <para>
/// Knows Gaussian mechanisms, Poisson samples and samples without replacement of (compositions of) Gaussian mechanisms, tree
/// aggregation, Laplace, discrete Gaussian and discrete Laplace noise, randomised response, the exponential and the
/// permute-and-flip mechanism, repetition with selection, mechanisms of which only a bound is known, and compositions of
/// these. Poisson samples have a bound when an example is added, removed or replaced by the special one; samples without
/// replacement when one is replaced. Anything else is refused by name.
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
    private double _failureProbability;

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

    private RdpAccountant(RdpAccountant other)
    {
        Orders = other.Orders;
        NeighboringRelation = other.NeighboringRelation;
        _ledger.Enter(other._ledger.Entries);
        _curves.AddRange(other._curves);
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
        var (rdp, failure) = Total();

        // Everything is (0, 1)-private, even what fails for certain.
        return targetDelta == 1 ? (0, Orders[0])
            : failure > targetDelta ? (double.PositiveInfinity, Orders[0])
            : RdpConversion.Epsilon(Orders, rdp, Remaining(targetDelta, failure));
    }

    /// <summary>
    /// As <see cref="GetEpsilonAndOptimalOrder"/>, with orders between and beyond those of the list tried as well: never
    /// worse, and a little better where the list is sparse.
    /// </summary>
    /// <param name="targetDelta">Delta, in [0, 1].</param>
    /// <returns>Epsilon, and the order that proves it, which need not be one of <see cref="Orders"/>.</returns>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="targetDelta"/> is NaN or outside [0, 1].</exception>
    public (double Epsilon, double OptimalOrder) GetEpsilonAndOptimalOrderOfAll(double targetDelta)
    {
        var listed = GetEpsilonAndOptimalOrder(targetDelta);
        if (listed.Epsilon == 0 || double.IsPositiveInfinity(listed.Epsilon))
            return listed;
        var ledger = Ledger;
        var between = RdpOrderSearch.Best(Orders, listed.OptimalOrder, order =>
        {
            var alone = new RdpAccountant([order], NeighboringRelation);
            foreach (var (dpEvent, count) in ledger)
                alone.Compose(dpEvent, count);
            return alone.GetEpsilon(targetDelta);
        });
        return between.Epsilon < listed.Epsilon ? between : listed;
    }

    /// <summary>
    /// The epsilon by the conversion of Mironov's first paper (arXiv:1702.07476, proposition 3), <c>r - ln delta / (order -
    /// 1)</c>: a valid bound, larger than <see cref="GetEpsilon"/>. For comparison with reports from before 2020.
    /// </summary>
    /// <param name="targetDelta">Delta, in [0, 1].</param>
    /// <returns>Epsilon, and the first of the best orders.</returns>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="targetDelta"/> is NaN or outside [0, 1].</exception>
    public (double Epsilon, double OptimalOrder) GetClassicEpsilonAndOptimalOrder(double targetDelta)
    {
        Guard.Probability(targetDelta);
        var (rdp, failure) = Total();
        return failure > targetDelta
            ? (double.PositiveInfinity, Orders[0])
            : RdpConversion.ClassicEpsilon(Orders, rdp, Remaining(targetDelta, failure));
    }

    /// <summary>An independent accountant with the same ledger, for questions of the kind "what if". Cheap: costs are shared.</summary>
    public RdpAccountant Clone()
    {
        lock (_lock)
            return new RdpAccountant(this);
    }

    /// <inheritdoc/>
    public double GetDelta(double targetEpsilon)
    {
        Guard.NonNegative(targetEpsilon);

        // Everything is (infinity, 0)-private.
        if (double.IsPositiveInfinity(targetEpsilon))
            return 0;
        var (rdp, failure) = Total();

        // Failure, or else the divergences hold.
        return failure + (1 - failure) * RdpConversion.Delta(Orders, rdp, targetEpsilon).Delta;
    }

    /// <summary>The cost of everything composed so far, as the Rényi divergence at each of <see cref="Orders"/>.</summary>
    /// <returns>As many numbers in [0, infinity] as there are orders. A copy.</returns>
    public IReadOnlyList<double> GetRdp() => [.. Total().Rdp];

    /// <summary>The accountant as JSON text: neighbouring relation, orders and ledger, with a version and a checksum.</summary>
    /// <returns>What <see cref="FromJson"/> reads. Nothing is lost: the copy gives the same numbers.</returns>
    /// <exception cref="NotSupportedException">An event is nested some hundreds of levels deep.</exception>
    public string ToJson() => StateFormat.Write(new AccountantState("rdp", NeighboringRelation, Ledger, Orders: Orders));

    /// <summary>The accountant that was written by <see cref="ToJson"/>.</summary>
    /// <param name="json">The text.</param>
    /// <exception cref="ArgumentNullException"><paramref name="json"/> is null.</exception>
    /// <exception cref="FormatException">The text is damaged, of a newer version, or not the state of such an accountant.</exception>
    public static RdpAccountant FromJson(string json) => StateFormat.Restore(
        Guard.NotNull(json), "rdp", state => new RdpAccountant(state.Orders ?? throw new FormatException("The state of the accountant has no orders."), state.NeighboringRelation));

    /// <summary>An accountant of a whole ledger, if it has a bound for all of it.</summary>
    internal static bool TryCreate(
        NeighboringRelation relation, IEnumerable<LedgerEntry> ledger, [NotNullWhen(true)] out RdpAccountant? accountant)
    {
        accountant = new RdpAccountant(neighboringRelation: relation);
        try
        {
            foreach (var (dpEvent, count) in ledger)
                accountant.Compose(dpEvent, count);
            return true;
        }
        catch (NotSupportedException)
        {
            accountant = null;
            return false;
        }
    }

    // What failures leave of delta: 1 - (1 - delta) / (1 - failure).
    private static double Remaining(double delta, double failure) => failure == 0 ? delta : (delta - failure) / (1 - failure);

    // Summed anew from the ledger, not added to: 100,000 additions would gather 100,000 rounding errors.
    private (double[] Rdp, double FailureProbability) Total()
    {
        lock (_lock)
        {
            if (_total is not null)
                return (_total, _failureProbability);

            var total = new double[Orders.Count];
            var logNoFailure = 0.0;
            for (var e = 0; e < _curves.Count; e++)
            {
                var entry = _ledger.Entries[e];
                double count = entry.Count;
                var curve = _curves[e];
                for (var i = 0; i < total.Length; i++)
                    total[i] += count * curve[i];
                logNoFailure += count * Elementary.Log1p(-RdpCurve.FailureProbability(entry.Event));
            }

            _failureProbability = -Elementary.Expm1(logNoFailure);
            return (_total = total, _failureProbability);
        }
    }
}
