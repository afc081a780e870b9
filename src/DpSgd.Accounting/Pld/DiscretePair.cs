namespace DpSgd.Accounting;

/// <summary>A pair with finitely many outputs.</summary>
internal sealed class DiscretePair : DominatingPair
{
    private readonly (double Loss, double P, double Q)[] _atoms;

    /// <summary>The pair.</summary>
    /// <param name="outputs">Probabilities of each output under P and Q. Neither need add up to one: the rest is infinite.</param>
    /// <param name="infiniteMass">Probability under P of what cannot happen under Q.</param>
    /// <param name="infiniteMassOfQ">Probability under Q of what cannot happen under P.</param>
    public DiscretePair(IEnumerable<(double P, double Q)> outputs, double infiniteMass = 0, double infiniteMassOfQ = 0)
    {
        _atoms = [.. outputs
            .Where(output => output is { P: > 0, Q: > 0 })
            .Select(output => (Loss: Math.Log(output.P) - Math.Log(output.Q), output.P, output.Q))
            .OrderBy(atom => atom.Loss)];
        InfiniteMass = infiniteMass;
        InfiniteMassOfQ = infiniteMassOfQ;
    }

    /// <summary>Probabilities of the outputs that both can give, by their loss.</summary>
    public IReadOnlyList<(double P, double Q)> Outputs => Array.ConvertAll(_atoms, atom => (atom.P, atom.Q));

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
