using System.Numerics;

namespace DpSgd;

/// <summary>
/// Whole numbers with probability proportional to <c>e^(-x^2 / 2 s^2)</c>, exactly, for a whole s: nothing but whole numbers
/// and fair bits (Canonne, Kamath, Steinke, algorithms 1 to 3, with a discrete Laplace proposal of scale s). How long a draw
/// takes depends on what is drawn.
/// </summary>
/// <param name="scale">s, from 1 to 2^30.</param>
/// <param name="random">Fair bits.</param>
internal sealed class DiscreteGaussianSampler(long scale, RandomStream random)
{
    private readonly ulong _scale = (ulong)scale;

    public long Next()
    {
        while (true)
        {
            // A discrete Laplace value u + s v: u by rejection, v geometric.
            var u = Below(_scale);
            if (!ExpMinus(u, _scale))
                continue;
            var v = 0L;
            while (ExpMinus(1, 1))
                v++;
            var negative = (random.NextWord() & 1) == 1;
            if (negative && u == 0 && v == 0)
                continue;   // zero has one sign
            if (IsAccepted(u, v))
                return negative ? -((long)u + scale * v) : (long)u + scale * v;
        }
    }

    /// <summary>
    /// True with probability <c>e^(-(y - s)^2 / 2 s^2)</c> for y = u + s v. From v = 1 on the exponent is
    /// <c>u^2 / 2 s^2 + (v - 1) u / s + (v - 1)^2 / 2</c>, and no number grows beyond 62 bits.
    /// </summary>
    private bool IsAccepted(ulong u, long v)
    {
        if (v == 0)
            return ExpMinus((_scale - u) * (_scale - u), 2 * _scale * _scale);
        if (!ExpMinus(u * u, 2 * _scale * _scale))
            return false;
        for (var i = 1L; i < v; i++)
        {
            if (!ExpMinus(u, _scale))
                return false;
        }
        for (var i = 0L; i < (v - 1) * (v - 1); i++)
        {
            if (!ExpMinus(1, 2))
                return false;
        }
        return true;
    }

    /// <summary>True with probability <c>e^(-p / q)</c>, for p up to q.</summary>
    private bool ExpMinus(ulong p, ulong q)
    {
        var k = 1ul;
        while (Below(q) < p && Below(k) == 0)
            k++;
        return k % 2 == 1;
    }

    /// <summary>Uniform from 0 to n - 1: drawn with as many bits as that needs, and again if it is too large.</summary>
    private ulong Below(ulong n)
    {
        if (n == 1)
            return 0;
        var shift = BitOperations.LeadingZeroCount(n - 1);
        while (true)
        {
            var drawn = random.NextWord() >> shift;
            if (drawn < n)
                return drawn;
        }
    }
}
