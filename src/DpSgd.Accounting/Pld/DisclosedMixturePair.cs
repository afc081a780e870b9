namespace DpSgd.Accounting;

/// <summary>
/// One of two mechanisms is chosen at random, and the choice is shown: its losses are a mixture of theirs. Not to show
/// it would cost no more.
/// </summary>
/// <param name="probability">Probability of the first, in (0, 1).</param>
/// <param name="first">The first pair.</param>
/// <param name="second">The second pair.</param>
internal sealed class DisclosedMixturePair(double probability, DominatingPair first, DominatingPair second) : DominatingPair
{
    /// <inheritdoc/>
    public override bool IsSymmetric => first.IsSymmetric && second.IsSymmetric;

    /// <inheritdoc/>
    public override double LargestLoss => Math.Max(first.LargestLoss, second.LargestLoss);

    /// <inheritdoc/>
    public override double SmallestLoss => Math.Min(first.SmallestLoss, second.SmallestLoss);

    /// <inheritdoc/>
    public override (double Smallest, double Largest) LossRange(double logNeglected)
    {
        // A mechanism that is chosen once in e^50 times need not be followed as far out.
        var a = first.LossRange(Math.Min(-1, logNeglected - Math.Log(probability)));
        var b = second.LossRange(Math.Min(-1, logNeglected - Elementary.Log1p(-probability)));
        return (Math.Min(a.Smallest, b.Smallest), Math.Max(a.Largest, b.Largest));
    }

    /// <inheritdoc/>
    public override IEnumerable<(double P, double Q)> Sketch(double logNeglected) =>
        first.Sketch(logNeglected).Select(point => (probability * point.P, probability * point.Q))
            .Concat(second.Sketch(logNeglected).Select(point => ((1 - probability) * point.P, (1 - probability) * point.Q)));

    /// <inheritdoc/>
    public override void AddCells(double firstPoint, double interval, double weight, Span<double> p, Span<double> q)
    {
        first.AddCells(firstPoint, interval, weight * probability, p, q);
        second.AddCells(firstPoint, interval, weight * (1 - probability), p, q);
    }
}
