using DpSgd.Accounting;

namespace DpSgd;

/// <summary>
/// Draws Poisson samples of 0 .. n-1. Instead of one coin an index it draws the gaps between the chosen ones, which are
/// geometric, so that a draw costs as much as the batch is large.
/// </summary>
/// <param name="datasetSize">n.</param>
/// <param name="probability">Probability of each index, in (0, 1].</param>
/// <param name="random">Where the randomness comes from.</param>
internal sealed class PoissonSampler(long datasetSize, double probability, RandomWords random)
{
    private readonly double _logOfMissing = Elementary.Log1p(-probability);

    /// <summary>The chosen indices, ascending.</summary>
    public long[] Draw()
    {
        var chosen = new List<long>((int)Math.Min(int.MaxValue / 2, 1.2 * datasetSize * probability + 32));
        for (var next = Gap(); next < datasetSize; next += 1 + Gap())
            chosen.Add(next);
        return [.. chosen];
    }

    /// <summary>How many indices are passed over before the next is chosen: floor(ln U / ln(1 - q)).</summary>
    private long Gap() => (long)Math.Min(datasetSize, Math.Log(random.Uniform()) / _logOfMissing);
}
