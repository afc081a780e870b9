using System.Runtime.InteropServices;
using System.Security.Cryptography;
using DpSgd.Accounting;

namespace DpSgd;

/// <summary>
/// Draws Poisson samples of 0 .. n-1. Instead of one coin an index it draws the gaps between the chosen ones, which are
/// geometric, so that a draw costs as much as the batch is large.
/// </summary>
/// <param name="datasetSize">n.</param>
/// <param name="probability">Probability of each index, in (0, 1].</param>
/// <param name="random">Null for the operating system's cryptographic generator.</param>
internal sealed class PoissonSampler(long datasetSize, double probability, Random? random)
{
    private readonly double _logOfMissing = Elementary.Log1p(-probability);
    private readonly ulong[] _words = new ulong[512];
    private int _used = int.MaxValue;

    /// <summary>The chosen indices, ascending.</summary>
    public long[] Draw()
    {
        var chosen = new List<long>((int)Math.Min(int.MaxValue / 2, 1.2 * datasetSize * probability + 32));
        for (var next = Gap(); next < datasetSize; next += 1 + Gap())
            chosen.Add(next);
        return [.. chosen];
    }

    /// <summary>How many indices are passed over before the next is chosen: floor(ln U / ln(1 - q)).</summary>
    private long Gap()
    {
        if (probability == 1)
            return 0;
        var uniform = ((NextWord() >> 11) + 1) / (double)(1L << 53);   // (0, 1]
        return (long)Math.Min(datasetSize, Math.Log(uniform) / _logOfMissing);
    }

    private ulong NextWord()
    {
        if (_used >= _words.Length)
        {
            var bytes = MemoryMarshal.AsBytes(_words.AsSpan());
            if (random is null)
                RandomNumberGenerator.Fill(bytes);
            else
                random.NextBytes(bytes);
            _used = 0;
        }
        return _words[_used++];
    }
}
