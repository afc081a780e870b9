using System.Collections.Concurrent;
using System.Numerics;
using System.Runtime.InteropServices;

namespace DpSgd.Accounting;

/// <summary>
/// Fast Fourier transform of a power of two of complex numbers, in place. <c>Forward</c> leaves the frequencies
/// in bit-reversed order and <c>Inverse</c> takes them so: nothing is ever reordered, which for products and
/// powers of spectra, taken frequency by frequency, is all that is needed.
/// </summary>
/// <remarks>
/// Radix four, decimated in frequency one way and in time the other, depth first so that the parts of a long transform
/// fit into the cache. The library's composition of privacy losses spends its time here, and MathNet's transform of an
/// array of <see cref="Complex"/> numbers takes several times as long.
/// </remarks>
internal sealed class ComplexFft
{
    private const int ShortTable = 32;

    private static readonly ConcurrentDictionary<int, ComplexFft> Plans = new();
    private static readonly double[] ShortCos = [.. Enumerable.Range(0, ShortTable / 2).Select(j => Math.Cos(2 * Math.PI * j / ShortTable))];
    private static readonly double[] ShortSin = [.. Enumerable.Range(0, ShortTable / 2).Select(j => Math.Sin(2 * Math.PI * j / ShortTable))];

    private readonly int _length;

    // For every length n = 4 * m of a pass: cos and sin of 2 pi j / n, for j < m.
    private readonly Dictionary<int, (double[] Cos, double[] Sin)> _twiddles = [];

    private ComplexFft(int length)
    {
        _length = length;
        for (var n = length; n >= 4 * Vector<double>.Count; n /= 4)
        {
            var (cos, sin) = (new double[n / 4], new double[n / 4]);
            for (var j = 0; j < n / 4; j++)
                (sin[j], cos[j]) = Math.SinCos(2 * Math.PI * j / n);
            _twiddles.Add(n, (cos, sin));
        }
    }

    /// <summary>The transform of one length. Its tables are made once.</summary>
    /// <param name="length">A power of two.</param>
    public static ComplexFft OfLength(int length) => Plans.GetOrAdd(length, static n => new ComplexFft(n));

    /// <summary>
    /// Where the frequency -k of a transform lies when k lies at <paramref name="position"/>: in bit-reversed order,
    /// negating inverts the bits below the highest one.
    /// </summary>
    public static int Mirrored(int position) =>
        position == 0 ? 0 : position ^ ((1 << BitOperations.Log2((uint)position)) - 1);

    /// <summary>Sums of x[j] e^(-2 pi i j k / n), at the bit reversal of k.</summary>
    public void Forward(double[] re, double[] im) => Forward(re.AsSpan(0, _length), im.AsSpan(0, _length));

    /// <summary>Sums of x[k] e^(2 pi i j k / n) over the frequencies k in bit-reversed order: n times what was transformed.</summary>
    public void Inverse(double[] re, double[] im) => Inverse(re.AsSpan(0, _length), im.AsSpan(0, _length));

    private void Forward(Span<double> re, Span<double> im)
    {
        var n = re.Length;
        if (n < 4 * Vector<double>.Count)
        {
            for (var part = n; part > 1; part /= 2)
                ShortPasses(re, im, part, forward: true);
            return;
        }

        var m = n / 4;
        ForwardPass(Wide(re), Wide(im), Wide(_twiddles[n].Cos), Wide(_twiddles[n].Sin));
        for (var part = 0; part < 4; part++)
            Forward(re.Slice(part * m, m), im.Slice(part * m, m));
    }

    private void Inverse(Span<double> re, Span<double> im)
    {
        var n = re.Length;
        if (n < 4 * Vector<double>.Count)
        {
            for (var part = 2; part <= n; part *= 2)
                ShortPasses(re, im, part, forward: false);
            return;
        }

        var m = n / 4;
        for (var part = 0; part < 4; part++)
            Inverse(re.Slice(part * m, m), im.Slice(part * m, m));
        InversePass(Wide(re), Wide(im), Wide(_twiddles[n].Cos), Wide(_twiddles[n].Sin));
    }

    /// <summary>Radix two, for parts too short for the machine's vectors.</summary>
    private static void ShortPasses(Span<double> re, Span<double> im, int length, bool forward)
    {
        var half = length / 2;
        var stride = ShortTable / length;
        for (var start = 0; start < re.Length; start += length)
        {
            for (var j = 0; j < half; j++)
            {
                var (a, b) = (start + j, start + j + half);
                var (cos, sin) = (ShortCos[j * stride], ShortSin[j * stride]);
                if (forward)
                {
                    var (dr, di) = (re[a] - re[b], im[a] - im[b]);
                    (re[a], im[a]) = (re[a] + re[b], im[a] + im[b]);
                    (re[b], im[b]) = (dr * cos + di * sin, di * cos - dr * sin);
                }
                else
                {
                    var (tr, ti) = (re[b] * cos - im[b] * sin, im[b] * cos + re[b] * sin);
                    (re[b], im[b]) = (re[a] - tr, im[a] - ti);
                    (re[a], im[a]) = (re[a] + tr, im[a] + ti);
                }
            }
        }
    }

    private static void ForwardPass(
        Span<Vector<double>> re, Span<Vector<double>> im, ReadOnlySpan<Vector<double>> cos, ReadOnlySpan<Vector<double>> sin)
    {
        var m = re.Length / 4;
        var r0 = re[..m];
        var i0 = im[..m];
        var r1 = re.Slice(m, m);
        var i1 = im.Slice(m, m);
        var r2 = re.Slice(2 * m, m);
        var i2 = im.Slice(2 * m, m);
        var r3 = re.Slice(3 * m, m);
        var i3 = im.Slice(3 * m, m);
        for (var j = 0; j < r0.Length; j++)
        {
            var (evenRe, evenIm) = (r0[j] + r2[j], i0[j] + i2[j]);
            var (oddRe, oddIm) = (r0[j] - r2[j], i0[j] - i2[j]);
            var (sumRe, sumIm) = (r1[j] + r3[j], i1[j] + i3[j]);

            // -i times the difference.
            var (turnRe, turnIm) = (i1[j] - i3[j], r3[j] - r1[j]);
            var (c1, s1) = (cos[j], sin[j]);
            var (c2, s2) = (c1 * c1 - s1 * s1, (c1 + c1) * s1);
            var (c3, s3) = (c2 * c1 - s2 * s1, c2 * s1 + s2 * c1);
            var (ar, ai) = (evenRe - sumRe, evenIm - sumIm);
            var (br, bi) = (oddRe + turnRe, oddIm + turnIm);
            var (dr, di) = (oddRe - turnRe, oddIm - turnIm);
            (r0[j], i0[j]) = (evenRe + sumRe, evenIm + sumIm);
            (r1[j], i1[j]) = (ar * c2 + ai * s2, ai * c2 - ar * s2);
            (r2[j], i2[j]) = (br * c1 + bi * s1, bi * c1 - br * s1);
            (r3[j], i3[j]) = (dr * c3 + di * s3, di * c3 - dr * s3);
        }
    }

    private static void InversePass(
        Span<Vector<double>> re, Span<Vector<double>> im, ReadOnlySpan<Vector<double>> cos, ReadOnlySpan<Vector<double>> sin)
    {
        var m = re.Length / 4;
        var r0 = re[..m];
        var i0 = im[..m];
        var r1 = re.Slice(m, m);
        var i1 = im.Slice(m, m);
        var r2 = re.Slice(2 * m, m);
        var i2 = im.Slice(2 * m, m);
        var r3 = re.Slice(3 * m, m);
        var i3 = im.Slice(3 * m, m);
        for (var j = 0; j < r0.Length; j++)
        {
            var (c1, s1) = (cos[j], sin[j]);
            var (c2, s2) = (c1 * c1 - s1 * s1, (c1 + c1) * s1);
            var (c3, s3) = (c2 * c1 - s2 * s1, c2 * s1 + s2 * c1);
            var (ar, ai) = (r1[j] * c2 - i1[j] * s2, i1[j] * c2 + r1[j] * s2);
            var (br, bi) = (r2[j] * c1 - i2[j] * s1, i2[j] * c1 + r2[j] * s1);
            var (dr, di) = (r3[j] * c3 - i3[j] * s3, i3[j] * c3 + r3[j] * s3);
            var (evenRe, evenIm) = (r0[j] + ar, i0[j] + ai);
            var (oddRe, oddIm) = (r0[j] - ar, i0[j] - ai);
            var (sumRe, sumIm) = (br + dr, bi + di);

            // i times the difference.
            var (turnRe, turnIm) = (di - bi, br - dr);
            (r0[j], i0[j]) = (evenRe + sumRe, evenIm + sumIm);
            (r1[j], i1[j]) = (oddRe + turnRe, oddIm + turnIm);
            (r2[j], i2[j]) = (evenRe - sumRe, evenIm - sumIm);
            (r3[j], i3[j]) = (oddRe - turnRe, oddIm - turnIm);
        }
    }

    private static Span<Vector<double>> Wide(Span<double> narrow) => MemoryMarshal.Cast<double, Vector<double>>(narrow);

    private static ReadOnlySpan<Vector<double>> Wide(double[] narrow) => MemoryMarshal.Cast<double, Vector<double>>(narrow.AsSpan());
}
