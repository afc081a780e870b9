using System.Numerics;

namespace DpSgd.Accounting;

/// <summary>
/// The distribution of a sum of losses on a circle, for two tilts at once: one is carried by the real and the other by
/// the imaginary parts of one transform, and they are separated where powers are taken.
/// </summary>
internal sealed class TiltedConvolution
{
    // Unit roundoff.
    private const double Rounding = 1.2e-16;

    // A frequency that is weaker than e^-50 adds nothing to a sum of a million of them.
    private const double LogFaint = -50;

    private readonly int _length;
    private readonly double _steps;
    private readonly ComplexFft _fft;
    private readonly double[] _re;
    private readonly double[] _im;
    private (Complex P, Complex Q)[] _spectra = [];
    private double _spread;

    /// <summary>An empty sum.</summary>
    /// <param name="length">Points on the circle, a power of two.</param>
    /// <param name="steps">How many losses there will be.</param>
    public TiltedConvolution(int length, double steps)
    {
        _length = length;
        _steps = steps;
        _fft = ComplexFft.OfLength(length);
        (_re, _im) = (new double[length], new double[length]);
    }

    /// <summary>Adds as many independent losses as <paramref name="count"/>.</summary>
    /// <param name="grid">The loss. Its first point counts as zero.</param>
    /// <param name="atP">The first tilt, and the logarithmic moment there.</param>
    /// <param name="atQ">The second.</param>
    /// <param name="count">How many.</param>
    /// <param name="isLast">Whether nothing will be added any more.</param>
    public void Add(GridLoss grid, (double Tilt, double LogMoment) atP, (double Tilt, double LogMoment) atQ, long count, bool isLast)
    {
        Wrap(grid, atP, _re);
        Wrap(grid, atQ, _im);
        _fft.Forward(_re, _im);

        // Only one of every pair of frequencies k and -k is looked at; the other is its conjugate.
        var (isFirst, scale) = (_spectra.Length == 0, 1.0 / _length);
        if (isFirst && !isLast)
            _spectra = new (Complex, Complex)[_length];
        var faint = Math.Exp(Math.Max(-700, 2 * LogFaint / count));
        for (var i = 0; i < _length; i++)
        {
            var mirror = ComplexFft.Mirrored(i);
            if (mirror < i)
                continue;
            var (ar, ai, br, bi) = (_re[i], _im[i], _re[mirror], _im[mirror]);
            var p = Power(0.5 * (ar + br), 0.5 * (ai - bi), count, faint);
            var q = Power(0.5 * (ai + bi), 0.5 * (br - ar), count, faint);
            if (!isFirst)
                (p, q) = (p * _spectra[i].P, q * _spectra[i].Q);
            if (!isLast)
            {
                _spectra[i] = (p, q);
                continue;
            }

            (_re[mirror], _im[mirror]) = (scale * (p.Real + q.Imaginary), scale * (q.Real - p.Imaginary));
            (_re[i], _im[i]) = (scale * (p.Real - q.Imaginary), scale * (p.Imaginary + q.Real));
        }

        if (isLast)
            _fft.Inverse(_re, _im);
    }

    /// <summary>The distribution under the first tilt, and what its rounding errors can do.</summary>
    /// <param name="decay">The tilt, at least zero, times the interval.</param>
    public (double[] Circle, double Rounding) OfP(double decay) => (_re, RoundingOf(_re, decay));

    /// <summary>The distribution under the second tilt, and what its rounding errors can do.</summary>
    /// <param name="decay">The tilt, at least zero, times the interval.</param>
    public (double[] Circle, double Rounding) OfQ(double decay) => (_im, RoundingOf(_im, decay));

    private void Wrap(GridLoss grid, (double Tilt, double LogMoment) at, double[] circle)
    {
        Array.Clear(circle);
        var points = grid.P.Length;
        var weights = points <= _length ? circle : new double[points];
        grid.Tilted(at.Tilt, at.LogMoment, weights);
        for (var i = 0; points > _length && i < points; i++)
            circle[i & (_length - 1)] += weights[i];
        var squares = 0.0;
        foreach (var mass in circle)
            squares += mass * mass;
        _spread = Math.Max(_spread, Math.Sqrt(squares));
    }

    /// <summary>
    /// What the sum of all rounding errors in a hockey-stick divergence is taken to be at most, over the largest weight that a
    /// loss has in it: an estimate with a margin, no proof.
    /// </summary>
    /// <remarks>
    /// A transform errs by a few units in the last place for each of its levels, and a power multiplies the relative error of
    /// every frequency by the number of steps. The weights of a divergence, (1 - e^-x) e^(-t x) at x above epsilon, rise and
    /// fall once. By Cauchy and Schwarz the errors count as often as the root of the sum of squares of the weights, which is at
    /// most 1 / (2 t h) or the length; or else, frequency by frequency, as often as the mean size of the weights' spectrum,
    /// which for a total variation of two is below 1 + 2 / pi (ln n + 1).
    /// </remarks>
    private double RoundingOf(double[] mass, double decay)
    {
        var squares = 0.0;
        foreach (var m in mass)
            squares += m * m;
        var inPoints = Math.Sqrt(squares * Math.Min(_length, 1 + 0.5 / decay));
        var inFrequencies = 1 + 2 / Math.PI * (Math.Log(_length) + 1);
        var levels = BitOperations.Log2((uint)_length) + 4;
        return Rounding * (levels * inPoints + _steps * Math.Min((4 + levels * _spread) * inPoints, (4 + levels) * inFrequencies))
            + _length * Math.Exp(LogFaint);
    }

    private static Complex Power(double re, double im, long count, double faint)
    {
        if (re * re + im * im < faint)
            return Complex.Zero;
        var (resultRe, resultIm) = (1.0, 0.0);
        for (; ; )
        {
            if ((count & 1) != 0)
                (resultRe, resultIm) = (resultRe * re - resultIm * im, resultRe * im + resultIm * re);
            count >>= 1;
            if (count == 0)
                return new Complex(resultRe, resultIm);
            (re, im) = (re * re - im * im, 2 * re * im);
        }
    }
}
