namespace DpSgd.Accounting;

/// <summary>
/// A rough picture of a composed loss: its cumulant generating function from a few hundred points an event. It says
/// where to look, and how fine; nothing that is promised depends on it.
/// </summary>
internal sealed class LossSketch
{
    private readonly (double[] Mass, double[] Loss, double Count)[] _parts;

    /// <summary>The sketch of a composition.</summary>
    /// <param name="pairs">Pairs, and how often each was composed.</param>
    /// <param name="logNeglected">Logarithm of the mass of each that may be left out.</param>
    public LossSketch(IEnumerable<(DominatingPair Pair, long Count)> pairs, double logNeglected)
        : this(pairs.Select(part =>
        {
            var points = part.Pair.Sketch(logNeglected).Where(point => point is { P: > 1e-300, Q: > 1e-300 }).ToArray();
            return (
                Array.ConvertAll(points, point => point.P),
                Array.ConvertAll(points, point => Math.Log(point.P) - Math.Log(point.Q)),
                (double)part.Count);
        }))
    {
    }

    /// <summary>The same of losses on a grid, for grids so coarse that they look different.</summary>
    /// <param name="grids">Losses, and how often each was composed.</param>
    public LossSketch(IEnumerable<(GridLoss Grid, long Count)> grids)
        : this(grids.Select(part =>
        {
            var points = part.Grid.Thinned().ToArray();
            return (Array.ConvertAll(points, point => point.Mass), Array.ConvertAll(points, point => point.Loss), (double)part.Count);
        }))
    {
    }

    private LossSketch(IEnumerable<(double[] Mass, double[] Loss, double Count)> parts)
    {
        _parts = [.. parts];
        LargestLoss = _parts.Sum(part => part.Count * part.Loss.DefaultIfEmpty(0).Max());
        SmallestLoss = _parts.Sum(part => part.Count * part.Loss.DefaultIfEmpty(0).Min());
        Steps = _parts.Sum(part => part.Count);
    }

    /// <summary>The largest loss of the sketch.</summary>
    public double LargestLoss { get; }

    /// <summary>The smallest loss of the sketch.</summary>
    public double SmallestLoss { get; }

    /// <summary>How many events were composed.</summary>
    public double Steps { get; }

    /// <summary>ln E[e^(tilt * loss)] under P for one part, once.</summary>
    public double LogMoment(int part, double tilt) => Cumulants(_parts[part], tilt).LogMoment;

    /// <summary>The composed cumulant generating function at a tilt, and its first two derivatives.</summary>
    public (double LogMoment, double Mean, double Variance) Cumulants(double tilt)
    {
        var total = (LogMoment: 0.0, Mean: 0.0, Variance: 0.0);
        foreach (var part in _parts)
        {
            var (logMoment, mean, variance) = Cumulants(part, tilt);
            total = (total.LogMoment + part.Count * logMoment, total.Mean + part.Count * mean, total.Variance + part.Count * variance);
        }

        return total;
    }

    private static (double LogMoment, double Mean, double Variance) Cumulants((double[] Mass, double[] Loss, double Count) part, double tilt)
    {
        var shift = double.NegativeInfinity;
        foreach (var loss in part.Loss)
            shift = Math.Max(shift, tilt * loss);
        if (double.IsNegativeInfinity(shift))
            return (0, 0, 0);

        // Centred at where the weight is, or the variance would be a difference of large numbers.
        var (sum, first) = (0.0, 0.0);
        for (var i = 0; i < part.Loss.Length; i++)
        {
            var weight = part.Mass[i] * Math.Exp(tilt * part.Loss[i] - shift);
            sum += weight;
            first += weight * part.Loss[i];
        }

        if (sum == 0)
            return (shift, 0, 0);
        var (mean, second) = (first / sum, 0.0);
        for (var i = 0; i < part.Loss.Length; i++)
            second += part.Mass[i] * Math.Exp(tilt * part.Loss[i] - shift) * (part.Loss[i] - mean) * (part.Loss[i] - mean);
        return (shift + Math.Log(sum), mean, second / sum);
    }
}
