using System.Buffers;
using System.Numerics;
using System.Runtime.InteropServices;

namespace DpSgd.Accounting;

/// <summary>
/// The loss of one mechanism on a grid of equal intervals: a pair (P, Q) again, kept as the probabilities under P. Those
/// under Q are e^-loss times as large.
/// </summary>
internal sealed class GridLoss
{
    // Smaller probabilities are no longer accurate doubles. They go where they cannot lower epsilon.
    private const double SmallestMass = 1e-300;

    // Beyond this e^loss nears the end of the doubles.
    private const double LargestPlainLoss = 600;

    private readonly double[] _p;
    private readonly double _interval;

    private GridLoss(long first, double shift, double interval, double[] p, double infiniteMass, double infiniteMassOfQ)
    {
        First = first;
        Shift = shift;
        _interval = interval;
        _p = p;
        InfiniteMass = infiniteMass;
        InfiniteMassOfQ = infiniteMassOfQ;
    }

    /// <summary>Index of the first grid point.</summary>
    public long First { get; }

    /// <summary>The loss at index zero.</summary>
    public double Shift { get; }

    /// <summary>Probabilities under P at the grid points.</summary>
    public ReadOnlySpan<double> P => _p;

    /// <summary>Whether no mass is left at the grid points.</summary>
    public bool IsEmpty => !P.ContainsAnyExcept(0.0);

    /// <summary>A few thousand points that look like this loss: heavy points as they are, light neighbours together.</summary>
    public IEnumerable<(double Mass, double Loss)> Thinned()
    {
        const int Groups = 4096;
        var width = Math.Max(1, _p.Length / Groups);
        for (var start = 0; start < _p.Length; start += width)
        {
            var (mass, sum) = (0.0, 0.0);
            for (var i = start; i < Math.Min(_p.Length, start + width); i++)
            {
                var loss = Shift + (First + i) * _interval;
                if (_p[i] > 1.0 / Groups)
                {
                    yield return (_p[i], loss);
                    continue;
                }

                mass += _p[i];
                sum += _p[i] * loss;
            }

            if (mass > SmallestMass)
                yield return (mass, sum / mass);
        }
    }

    /// <summary>Probability under P of what cannot happen under Q.</summary>
    public double InfiniteMass { get; }

    /// <summary>Probability under Q of what cannot happen under P.</summary>
    public double InfiniteMassOfQ { get; }

    /// <summary>
    /// A pair that dominates the given one: the mass of every cell between two grid points is split between both, so
    /// that the cell keeps its probability under P and under Q. The total mass stays one, and the hockey-stick
    /// divergence is exact at all grid points and an upper bound between them (Doroshenko, Ghazi, Kamath, Kumar,
    /// Manurangsi, "Connect the Dots", arXiv:2207.04380).
    /// </summary>
    public static GridLoss Above(DominatingPair pair, double interval, double logNeglected)
    {
        var (first, points) = Points(pair, 0, interval, logNeglected);
        var (cellP, cellQ) = Cells(pair, first, interval, points);
        var p = new double[points];
        var (infinite, infiniteOfQ) = (pair.InfiniteMass, pair.InfiniteMassOfQ);
        var width = -Elementary.Expm1(-interval);

        // Below the first point: what Q has more there than the point itself can carry is lost to infinity.
        p[0] = cellP[0];
        infiniteOfQ += cellP[0] < SmallestMass ? cellQ[0] : Math.Max(0, cellQ[0] - cellP[0] * Math.Exp(-first * interval));
        for (var i = 1; i < points; i++)
        {
            var left = (first + i - 1) * interval;
            var up = left > LargestPlainLoss
                ? cellP[i]
                : Math.Clamp((cellP[i] - Math.Exp(left) * cellQ[i]) / width, 0, cellP[i]);
            p[i - 1] += cellP[i] - up;
            p[i] += up;

            // What P cannot be seen of cannot carry Q.
            if (cellP[i] < SmallestMass)
                infiniteOfQ += cellQ[i];
        }

        var last = (first + points - 1) * interval;
        var kept = last > LargestPlainLoss ? 0 : Math.Min(cellP[points], Math.Exp(last) * cellQ[points]);
        p[^1] += kept;
        infinite += cellP[points] - kept;
        for (var i = 0; i < points; i++)
        {
            if (p[i] is > 0 and < SmallestMass)
            {
                infinite += p[i];
                p[i] = 0;
            }
        }

        return new GridLoss(first, 0, interval, p, infinite, infiniteOfQ);
    }

    /// <summary>
    /// A pair that the given one dominates: outputs on both sides of a grid point are merged, as a function of the
    /// output would do, in such a proportion that together they have the loss of that point. What is left over at the
    /// ends is dropped.
    /// </summary>
    /// <remarks>
    /// The grid is shifted so that what lies around zero, where those are who were not sampled, has a point of its own: merged
    /// into any other point it would take all of the rare large losses with it, and nothing would be left to see.
    /// </remarks>
    public static GridLoss Below(DominatingPair pair, double interval, double logNeglected)
    {
        var shift = MiddleLoss(pair, interval);
        var (first, points) = Points(pair, shift, interval, logNeglected);

        // Half cells, so that every point has one on each side.
        var (cellP, cellQ) = Cells(pair, 2 * (first + shift / interval), interval / 2, 2 * points);
        var p = new double[points];
        var next = 0;
        for (var i = 0; i < points; i++)
        {
            var loss = shift + (first + i) * interval;
            if (loss < -LargestPlainLoss)
                continue;
            if (loss > LargestPlainLoss)
            {
                // Q is too small to be written down: the loss is rounded down, which lowers every divergence.
                for (; next <= 2 * (i + 1); next++)
                    p[i] += next > 2 * i ? cellP[next] : 0;
                continue;
            }

            // Under e^loss Q - P, what lies below the point counts positive and what lies above negative: take from
            // above until they cancel.
            var ratio = Math.Exp(loss);
            var excess = 0.0;
            for (; next < cellP.Length; next++)
            {
                var balance = ratio * cellQ[next] - cellP[next];
                if (balance < 0 && excess + balance < 0)
                {
                    var share = excess / -balance;
                    p[i] += share * cellP[next];
                    cellP[next] *= 1 - share;
                    cellQ[next] *= 1 - share;
                    excess = 0;
                    break;
                }

                excess += balance;
                p[i] += cellP[next];
            }

            // Too little above the point: nothing with its loss can be made.
            if (excess > 0)
                p[i] = 0;
        }

        return new GridLoss(first, shift, interval, p, pair.InfiniteMass, pair.InfiniteMassOfQ);
    }

    /// <summary>ln of the sum of P e^(tilt * loss): the cumulant generating function.</summary>
    /// <param name="tilt">Any number.</param>
    /// <param name="guess">About the result. A bad guess costs time, not accuracy.</param>
    public double LogMoment(double tilt, double guess)
    {
        var weights = ArrayPool<double>.Shared.Rent(_p.Length);
        try
        {
            var sum = VectorSum(Tilted(tilt, guess, weights));
            if (!(sum is > 1e-100 and < 1e100))
            {
                // The largest term, whose logarithm is the sum's to within that of their number.
                guess = double.NegativeInfinity;
                for (var i = 0; i < _p.Length; i++)
                    guess = Math.Max(guess, _p[i] > 0 ? Math.Log(_p[i]) + tilt * (Shift + _interval * (First + i)) : guess);
                sum = VectorSum(Tilted(tilt, guess, weights));
            }

            return guess + Math.Log(sum);
        }
        finally
        {
            ArrayPool<double>.Shared.Return(weights);
        }
    }

    /// <summary>Writes P e^(tilt * loss - logMoment) for every grid point.</summary>
    /// <param name="tilt">Any number.</param>
    /// <param name="logMoment">The <see cref="LogMoment"/> at that tilt, or near it.</param>
    /// <param name="weights">At least as many places as there are points.</param>
    public Span<double> Tilted(double tilt, double logMoment, Span<double> weights)
    {
        weights = weights[.._p.Length];
        var wide = MemoryMarshal.Cast<double, Vector<double>>(weights);
        var p = MemoryMarshal.Cast<double, Vector<double>>(_p.AsSpan());
        var ramp = Vector.CreateSequence(0.0, 1.0);
        var (slope, lowest) = (new Vector<double>(tilt * _interval), tilt * (Shift + _interval * First) - logMoment);
        var (small, large) = (new Vector<double>(-745), new Vector<double>(709));
        for (var i = 0; i < wide.Length; i++)
        {
            // Where P is zero the exponential may be anything but infinite.
            var exponent = slope * (ramp + new Vector<double>(i * Vector<double>.Count)) + new Vector<double>(lowest);
            wide[i] = p[i] * Vector.Exp(Vector.Min(Vector.Max(exponent, small), large));
        }

        for (var i = wide.Length * Vector<double>.Count; i < weights.Length; i++)
            weights[i] = _p[i] * Math.Exp(Math.Min(709, tilt * _interval * i + lowest));
        return weights;
    }

    private static double VectorSum(ReadOnlySpan<double> terms)
    {
        var wide = MemoryMarshal.Cast<double, Vector<double>>(terms);
        var sums = Vector<double>.Zero;
        foreach (var term in wide)
            sums += term;
        var sum = Vector.Sum(sums);
        foreach (var term in terms[(wide.Length * Vector<double>.Count)..])
            sum += term;
        return sum;
    }

    /// <summary>The loss of all outputs with a loss around zero, if they were one.</summary>
    private static double MiddleLoss(DominatingPair pair, double interval)
    {
        Span<double> p = stackalloc double[3], q = stackalloc double[3];
        pair.AddCells(-0.5, interval, 1, p, q);
        return p[1] > 0 && q[1] > 0 ? Math.Log(p[1]) - Math.Log(q[1]) : 0;
    }

    private static (long First, int Points) Points(DominatingPair pair, double shift, double interval, double logNeglected)
    {
        // One point more on each side, so that a mass at the very end is never left outside by the last rounding.
        var (smallest, largest) = pair.LossRange(logNeglected);
        var first = (long)Math.Floor((smallest - shift) / interval) - 1;
        return (first, checked((int)((long)Math.Ceiling((largest - shift) / interval) + 2 - first)));
    }

    private static (double[] P, double[] Q) Cells(DominatingPair pair, double first, double interval, int points)
    {
        var (p, q) = (new double[points + 1], new double[points + 1]);
        pair.AddCells(first, interval, 1, p, q);
        return (p, q);
    }
}
