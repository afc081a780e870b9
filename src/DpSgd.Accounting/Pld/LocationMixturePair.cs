namespace DpSgd.Accounting;

/// <summary>
/// Two mixtures of one noise distribution at the same few locations, of which P leans to the right: the loss grows with
/// the output. Every additive mechanism on a random sample has such a pair.
/// </summary>
internal abstract class LocationMixturePair : DominatingPair
{
    // Cells of the sketch across its range.
    private const int SketchCells = 600;

    private readonly double[] _locations;
    private readonly double[] _p;
    private readonly double[] _q;

    /// <summary>The pair.</summary>
    /// <param name="locations">Where the noise may be centred, in units of the noise, increasing.</param>
    /// <param name="p">Probabilities of the locations under P.</param>
    /// <param name="q">Probabilities of the locations under Q.</param>
    protected LocationMixturePair(double[] locations, double[] p, double[] q)
    {
        _locations = locations;
        _p = p;
        _q = q;
    }

    /// <summary>ln of the noise density at a distance from its location, up to a constant.</summary>
    protected abstract double LogDensity(double distance);

    /// <summary>Probability that the noise is above <paramref name="distance"/>, which is at least zero. The noise is symmetric.</summary>
    protected abstract double Tail(double distance);

    /// <summary>Where the loss passes a value; infinite when it never does.</summary>
    /// <param name="loss">Any number.</param>
    protected abstract double Position(double loss);

    /// <summary>Outputs between which all but a negligible mass lies, or all that changes the loss.</summary>
    protected abstract (double Left, double Right) PositionRange(double logNeglected);

    /// <summary>The loss at an output.</summary>
    protected double Loss(double position)
    {
        var (p, q) = (new LogSum(), new LogSum());
        for (var i = 0; i < _locations.Length; i++)
        {
            var logDensity = LogDensity(position - _locations[i]);
            p.Add(Math.Log(_p[i]) + logDensity);
            q.Add(Math.Log(_q[i]) + logDensity);
        }

        return p.Value - q.Value;
    }

    /// <inheritdoc/>
    public sealed override (double Smallest, double Largest) LossRange(double logNeglected)
    {
        var (left, right) = PositionRange(logNeglected);
        return (Loss(left), Loss(right));
    }

    /// <inheritdoc/>
    public sealed override IEnumerable<(double P, double Q)> Sketch(double logNeglected)
    {
        var (left, right) = PositionRange(logNeglected);
        var cells = new CellWalk(this);
        for (var i = 0; i <= SketchCells; i++)
            yield return cells.Next(left + i * (right - left) / SketchCells);
        yield return cells.Next(double.PositiveInfinity);
    }

    /// <inheritdoc/>
    public sealed override void AddCells(double firstPoint, double interval, double weight, Span<double> p, Span<double> q)
    {
        var cells = new CellWalk(this);
        for (var i = 0; i < p.Length; i++)
        {
            var end = i < p.Length - 1 ? Position((firstPoint + i) * interval) : double.PositiveInfinity;
            var (inP, inQ) = cells.Next(end);
            p[i] += weight * inP;
            q[i] += weight * inQ;
        }
    }

    /// <summary>
    /// Probabilities from one position to the next. Of the two tails at a position the smaller one is kept, so that a
    /// cell far out is a difference of small numbers.
    /// </summary>
    private sealed class CellWalk(LocationMixturePair pair)
    {
        private readonly double[] _tails = new double[pair._locations.Length];
        private double _position = double.NegativeInfinity;

        public (double P, double Q) Next(double position)
        {
            // Neighbouring thresholds may share a position where the loss does not change.
            position = Math.Max(position, _position);
            var (p, q) = (0.0, 0.0);
            for (var i = 0; i < _tails.Length; i++)
            {
                var (before, after) = (_position - pair._locations[i], position - pair._locations[i]);
                var tail = double.IsInfinity(after) ? 0 : pair.Tail(Math.Abs(after));
                var mass = (before < 0, after < 0) switch
                {
                    (true, true) => tail - _tails[i],
                    (true, false) => 1 - tail - _tails[i],
                    _ => _tails[i] - tail,
                };
                mass = Math.Max(0, mass);
                p += pair._p[i] * mass;
                q += pair._q[i] * mass;
                _tails[i] = tail;
            }

            _position = position;
            return (p, q);
        }
    }
}
