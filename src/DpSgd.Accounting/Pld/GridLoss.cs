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
    private readonly double[] _p;
    private readonly double _interval;

    /// <summary>A loss on a grid.</summary>
    /// <param name="first">Index of the first grid point.</param>
    /// <param name="shift">The loss at index zero.</param>
    /// <param name="interval">Distance of the points.</param>
    /// <param name="p">Probabilities under P at the points.</param>
    /// <param name="infiniteMass">Probability under P of what cannot happen under Q.</param>
    /// <param name="infiniteMassOfQ">Probability under Q of what cannot happen under P.</param>
    public GridLoss(long first, double shift, double interval, double[] p, double infiniteMass, double infiniteMassOfQ)
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

            if (mass > 1e-300)
                yield return (mass, sum / mass);
        }
    }

    /// <summary>Probability under P of what cannot happen under Q.</summary>
    public double InfiniteMass { get; }

    /// <summary>Probability under Q of what cannot happen under P.</summary>
    public double InfiniteMassOfQ { get; }

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
}
