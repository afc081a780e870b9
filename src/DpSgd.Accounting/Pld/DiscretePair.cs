namespace DpSgd.Accounting;

/// <summary>A pair with finitely many outputs.</summary>
internal sealed class DiscretePair : DominatingPair
{
    private readonly (double Loss, double P, double Q)[] _atoms;

    /// <summary>The pair.</summary>
    /// <param name="outputs">
    /// Each output's loss ln P/Q, by itself, because the logarithm of a ratio near one has lost its digits; and its probabilities
    /// under P and Q. What one of the two has underflowed to zero at is counted as infinite.
    /// </param>
    /// <param name="infiniteMass">Probability under P of what cannot happen under Q.</param>
    /// <param name="infiniteMassOfQ">Probability under Q of what cannot happen under P.</param>
    public DiscretePair(IReadOnlyList<(double Loss, double P, double Q)> outputs, double infiniteMass = 0, double infiniteMassOfQ = 0)
    {
        _atoms = [.. outputs
            .Where(output => output is { P: > 0, Q: > 0 })
            .OrderBy(atom => atom.Loss)];
        InfiniteMass = infiniteMass + outputs.Where(output => output.Q == 0).Sum(output => output.P);
        InfiniteMassOfQ = infiniteMassOfQ + outputs.Where(output => output.P == 0).Sum(output => output.Q);
    }

    /// <summary>The outputs that both can give, by their loss.</summary>
    public IReadOnlyList<(double Loss, double P, double Q)> Outputs => _atoms;

    /// <inheritdoc/>
    public override double LargestLoss => _atoms[^1].Loss;

    /// <inheritdoc/>
    public override double SmallestLoss => _atoms[0].Loss;

    /// <inheritdoc/>
    public override double InfiniteMass { get; }

    /// <inheritdoc/>
    public override double InfiniteMassOfQ { get; }

    /// <inheritdoc/>
    public override (double Smallest, double Largest) LossRange(double logNeglected) => (SmallestLoss, LargestLoss);

    /// <inheritdoc/>
    public override IEnumerable<(double P, double Q)> Sketch(double logNeglected) => _atoms.Select(atom => (atom.P, atom.Q));

    /// <inheritdoc/>
    public override void AddCells(double firstPoint, double interval, double weight, Span<double> p, Span<double> q)
    {
        foreach (var (loss, inP, inQ) in _atoms)
        {
            var cell = (int)Math.Clamp(Math.Ceiling(loss / interval - firstPoint), 0, p.Length - 1);
            p[cell] += weight * inP;
            q[cell] += weight * inQ;
        }
    }
}
