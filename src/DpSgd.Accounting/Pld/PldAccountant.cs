namespace DpSgd.Accounting;

/// <summary>
/// Accounts in privacy loss distributions (Sommer, Meiser, Mohammadi, "Privacy Loss Classes", 2019; Koskela, Jälkö,
/// Honkela, arXiv:1906.03049): the distribution of the loss of everything that was composed is computed, and with it the
/// least epsilon that holds. Slower than <see cref="RdpAccountant"/>, and as tight as can be.
/// </summary>
/// <remarks>
/// <para>
/// Knows Gaussian and Laplace mechanisms and Poisson samples of them, discrete Laplace, randomised response, mixtures of
/// Gaussians, truncated Poisson samples, mechanisms of which only epsilon and delta are known, and compositions of these.
/// Anything else is refused by name. Gaussian mechanisms without sampling are one Gaussian mechanism, and when there is
/// nothing else its epsilon is exact.
/// </para>
/// <para>
/// Epsilon and delta are upper bounds: losses are put on a grid so that nothing is lost, and what is cut off, wrapped
/// around or rounded is added to delta. <see cref="GetEpsilonLowerBound"/> gives the other side, so that one sees how tight
/// they are. The grid becomes finer than asked for where the loss of one step is small, and coarser where memory would not
/// suffice (more than two million points).
/// </para>
/// <para>All members may be called from several threads; a call sees all of a composition or nothing of it.</para>
/// </remarks>
public sealed class PldAccountant : IPrivacyAccountant
{
    // Wider than any grid of use.
    private const double CoarsestInterval = 1;

    private readonly Lock _lock = new();
    private readonly EventLedger _ledger = new();
    private readonly List<LedgerPair> _pairs = [];
    private readonly Dictionary<(Query, double), double> _answers = [];

    /// <summary>An accountant with an empty ledger.</summary>
    /// <param name="neighboringRelation">Which data sets the guarantee cannot tell apart.</param>
    /// <param name="valueDiscretizationInterval">Distance of the grid points that losses are rounded to, positive and finite. Smaller is tighter and slower; any gives an upper bound.</param>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="neighboringRelation"/> is none of the known ones, or <paramref name="valueDiscretizationInterval"/> is NaN, infinite or not positive.</exception>
    public PldAccountant(
        NeighboringRelation neighboringRelation = NeighboringRelation.AddOrRemoveOne,
        double valueDiscretizationInterval = 1e-4)
    {
        NeighboringRelation = Guard.Defined(neighboringRelation);
        ValueDiscretizationInterval = Guard.Positive(valueDiscretizationInterval);
    }

    private PldAccountant(PldAccountant other)
        : this(other.NeighboringRelation, other.ValueDiscretizationInterval)
    {
        _ledger.Enter(other._ledger.Entries);

        // Pairs keep where they were last asked, so each accountant has its own.
        _pairs.AddRange(other._ledger.Entries.Select(entry => DominatingPairs.Of(entry.Event, NeighboringRelation)));
    }

    private enum Query
    {
        Epsilon,
        EpsilonLowerBound,
        RoughEpsilon,
        Delta,
        DeltaLowerBound,
    }

    /// <inheritdoc/>
    public NeighboringRelation NeighboringRelation { get; }

    /// <summary>Distance of the grid points that was asked for.</summary>
    public double ValueDiscretizationInterval { get; }

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

    /// <summary>An independent accountant with the same ledger, for questions of the kind "what if".</summary>
    public PldAccountant Clone()
    {
        lock (_lock)
            return new PldAccountant(this);
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
            // Whatever can fail comes first: an event without a pair, a count that overflows.
            var newPairs = parts
                .Where(part => !_ledger.Contains(part.Event))
                .Select(part => DominatingPairs.Of(part.Event, NeighboringRelation))
                .ToArray();
            _ledger.Enter(parts);
            _pairs.AddRange(newPairs);
            _answers.Clear();
        }
    }

    /// <inheritdoc/>
    public double GetEpsilon(double targetDelta) => Answer(Query.Epsilon, Guard.Probability(targetDelta));

    /// <summary>
    /// A number that the least epsilon for the given delta is certainly not below: the guarantee of <see cref="GetEpsilon"/>
    /// can be improved at most down to here, for these events with these neighbouring data sets.
    /// </summary>
    /// <param name="targetDelta">Delta, in [0, 1].</param>
    /// <returns>At least zero, and at most what <see cref="GetEpsilon"/> gives.</returns>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="targetDelta"/> is NaN or outside [0, 1].</exception>
    public double GetEpsilonLowerBound(double targetDelta) => Answer(Query.EpsilonLowerBound, Guard.Probability(targetDelta));

    /// <inheritdoc/>
    public double GetDelta(double targetEpsilon) => Answer(Query.Delta, Guard.NonNegative(targetEpsilon));

    /// <summary>A number that the least delta for the given epsilon is certainly not below.</summary>
    /// <param name="targetEpsilon">Epsilon, at least zero.</param>
    /// <returns>At least zero, and at most what <see cref="GetDelta"/> gives.</returns>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="targetEpsilon"/> is NaN or negative.</exception>
    public double GetDeltaLowerBound(double targetEpsilon) => Answer(Query.DeltaLowerBound, Guard.NonNegative(targetEpsilon));

    /// <summary>
    /// About what <see cref="GetEpsilon"/> gives, and many times faster: on a coarse grid, whatever interval was asked for. A
    /// search may begin with it.
    /// </summary>
    internal double GetRoughEpsilon(double targetDelta) => Answer(Query.RoughEpsilon, targetDelta);

    /// <summary>The accountant as JSON text: neighbouring relation, interval and ledger, with a version and a checksum.</summary>
    /// <returns>What <see cref="FromJson"/> reads. Nothing is lost: the copy gives the same numbers.</returns>
    /// <exception cref="NotSupportedException">An event is nested some hundreds of levels deep.</exception>
    public string ToJson() => StateFormat.Write(new AccountantState("pld", NeighboringRelation, Ledger, ValueDiscretizationInterval: ValueDiscretizationInterval));

    /// <summary>The accountant that was written by <see cref="ToJson"/>.</summary>
    /// <param name="json">The text.</param>
    /// <exception cref="ArgumentNullException"><paramref name="json"/> is null.</exception>
    /// <exception cref="FormatException">The text is damaged, of a newer version, or not the state of such an accountant.</exception>
    public static PldAccountant FromJson(string json) => StateFormat.Restore(
        Guard.NotNull(json), "pld", state => new PldAccountant(state.NeighboringRelation, state.ValueDiscretizationInterval ?? throw new FormatException("The state of the accountant has no interval.")));

    private double Answer(Query query, double argument)
    {
        lock (_lock)
        {
            if (!_answers.TryGetValue((query, argument), out var answer))
                _answers.Add((query, argument), answer = Compute(query, argument));
            return answer;
        }
    }

    private double Compute(Query query, double argument)
    {
        var asksForEpsilon = query is Query.Epsilon or Query.EpsilonLowerBound or Query.RoughEpsilon;

        // Everything is (0, 1)- and (infinity, 0)-private.
        if (argument == (asksForEpsilon ? 1 : double.PositiveInfinity))
            return 0;
        var bound = query is Query.EpsilonLowerBound or Query.DeltaLowerBound ? Bound.Lower : Bound.Upper;
        if (_pairs.Any(pair => pair.IsEverything && (bound == Bound.Upper || !pair.IsUpperBoundOnly)))
            return asksForEpsilon ? double.PositiveInfinity : 1;

        // Without the example in any sample nothing tells the data sets apart, whatever was done to the samples.
        var everSampled = bound == Bound.Upper ? ProbabilityOfEverBeingSampled() : 1;
        if (asksForEpsilon && everSampled <= argument)
            return 0;

        var noise = GaussianNoise();
        var pairs = _ledger.Entries.Zip(_pairs)
            .Where(line => line.Second.Pair is not null && (bound == Bound.Upper || !line.Second.IsUpperBoundOnly))
            .Select(line => (Pair: line.Second.Pair!, line.First.Count))
            .ToList();
        if (pairs.Count == 0)
        {
            if (asksForEpsilon)
                return GaussianMechanism.GetEpsilon(noise, argument);
            // It rounds up what is too small for a double.
            var delta = GaussianMechanism.GetDelta(noise, argument);
            return bound == Bound.Lower && delta == double.Epsilon ? 0 : delta;
        }

        if (!double.IsPositiveInfinity(noise))
            pairs.Add((new PoissonSampledGaussianPair(1, noise), 1));
        var (closedForm, isBest) = InClosedForm(bound, asksForEpsilon, argument);
        var answer = isBest ? closedForm : OnGrid(pairs, query, argument, bound);
        if (bound == Bound.Lower)
            return Math.Max(answer, closedForm);

        // Where a grid has to be too coarse the other accountant's bound may be the better one.
        if (RdpAccountant.TryCreate(NeighboringRelation, _ledger.Entries, out var rdp))
            answer = Math.Min(answer, asksForEpsilon ? rdp.GetEpsilon(argument) : rdp.GetDelta(argument));
        return asksForEpsilon ? answer : Math.Min(answer, everSampled);
    }

    private double OnGrid(List<(DominatingPair Pair, long Count)> pairs, Query query, double argument, Bound bound)
    {
        // A lower bound loses what has no losses but only a delta, for there is nothing to put on a grid.
        if (bound == Bound.Lower && pairs.Any(HasLoss))
            pairs.RemoveAll(part => !HasLoss(part));
        var composition = query == Query.RoughEpsilon
            ? new LossComposition(pairs, CoarsestInterval, GridInterval.RoughError)
            : new LossComposition(pairs, ValueDiscretizationInterval);
        return query is Query.Delta or Query.DeltaLowerBound ? composition.Delta(argument, bound) : composition.Epsilon(argument, bound);
    }

    /// <summary>From above, with what rounding may take; one where something was done to more than Poisson samples.</summary>
    private double ProbabilityOfEverBeingSampled()
    {
        var logNever = 0.0;
        foreach (var entry in _ledger.Entries)
        {
            if (entry.Event is not PoissonSampledDpEvent sampled)
                return 1;
            logNever += entry.Count * Elementary.Log1p(-sampled.SamplingProbability);
        }

        return _ledger.Entries.Count == 0 ? 1 : -Elementary.Expm1(logNever) * (1 + 2e-15 * (1 + _ledger.Entries.Count));
    }

    /// <summary>The bound of <see cref="ShownSamples"/>, zero where there is none, and whether it is better than a grid's.</summary>
    private (double Value, bool IsBest) InClosedForm(Bound bound, bool asksForEpsilon, double argument)
    {
        if (_ledger.Entries is not [{ Event: PoissonSampledDpEvent { SamplingProbability: var q, Event: GaussianDpEvent { NoiseMultiplier: var sigma } }, Count: var steps }]
            || NeighboringRelation != NeighboringRelation.AddOrRemoveOne
            || (asksForEpsilon && argument == 0))
        {
            return (0, false);
        }

        var isBest = ShownSamples.IsBest(q, sigma, steps);
        if (!isBest && (bound == Bound.Upper || !ShownSamples.IsClose(q, sigma, steps)))
            return (0, false);
        if (asksForEpsilon)
            return (ShownSamples.Epsilon(bound, q, sigma, steps, argument), isBest);
        // However small, it is not zero.
        var delta = Math.Exp(ShownSamples.LogDelta(bound, q, sigma, steps, argument));
        return (bound == Bound.Upper ? Math.Max(delta, double.Epsilon) : delta, isBest);
    }

    private static bool HasLoss((DominatingPair Pair, long Count) part) => part.Pair.LargestLoss > 0 || part.Pair.SmallestLoss < 0;

    /// <summary>The noise of the one Gaussian mechanism that all of them without sampling are; infinite when there is none.</summary>
    private double GaussianNoise() => SameSampleGaussians.Collapse(
        _ledger.Entries.Zip(_pairs)
            .Where(line => line.Second.GaussianNoise is not null)
            .Select(line => (line.Second.GaussianNoise!.Value, line.First.Count)));
}
