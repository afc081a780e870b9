namespace DpSgd.Accounting;

/// <summary>
/// A pair (P, Q) of distributions at least as far apart as the outputs of a mechanism on any two neighbouring data sets
/// (Zhu, Dong, Wang, "Optimal Accounting of Differential Privacy via Characteristic Function", arXiv:2106.08567). Its
/// privacy loss is <c>ln P/Q</c>. Delta at epsilon is the larger of the two hockey-stick divergences, of P from Q and of
/// Q from P; compositions are bounded by the products of the pairs.
/// </summary>
internal abstract class DominatingPair
{
    /// <summary>The largest loss, positive infinity if there is none.</summary>
    public abstract double LargestLoss { get; }

    /// <summary>The smallest loss, negative infinity if there is none.</summary>
    public abstract double SmallestLoss { get; }

    /// <summary>Whether both hockey-stick divergences are the same.</summary>
    public virtual bool IsSymmetric => false;

    /// <summary>Probability under P of what cannot happen under Q.</summary>
    public virtual double InfiniteMass => 0;

    /// <summary>Probability under Q of what cannot happen under P.</summary>
    public virtual double InfiniteMassOfQ => 0;

    /// <summary>Losses beyond which P above, and Q below, have a negligible mass.</summary>
    /// <param name="logNeglected">Logarithm of a bound on that mass.</param>
    public abstract (double Smallest, double Largest) LossRange(double logNeglected);

    /// <summary>
    /// Adds the probabilities of the cells between neighbouring multiples of an interval, scaled by a weight. The first
    /// cell holds all losses up to <paramref name="firstPoint"/> times the interval, the last one all above; what is infinite
    /// is not included.
    /// </summary>
    /// <param name="firstPoint">Index of the first grid point; a fraction shifts the grid.</param>
    /// <param name="interval">Distance of grid points.</param>
    /// <param name="weight">What every probability is multiplied with.</param>
    /// <param name="p">Probabilities under P, one more than there are grid points.</param>
    /// <param name="q">Probabilities under Q, as many.</param>
    public abstract void AddCells(double firstPoint, double interval, double weight, Span<double> p, Span<double> q);

    /// <summary>
    /// A few hundred points that look like the pair: good enough to place a grid, too coarse to compute with.
    /// </summary>
    /// <param name="logNeglected">Logarithm of a bound on the mass that may be left out.</param>
    /// <returns>Probabilities under P and Q.</returns>
    public abstract IEnumerable<(double P, double Q)> Sketch(double logNeglected);
}
