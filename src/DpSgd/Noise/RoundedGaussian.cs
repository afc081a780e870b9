using DpSgd.Accounting;

namespace DpSgd;

/// <summary>
/// Gaussian noise, added in double precision; the noisy sum is then rounded to a grid of a power of two. Rounding what is
/// released takes nothing from the guarantee. The grid is coarse enough that every point of it can come from every sum, so
/// that the low bits of a result do not tell which sum it came from (Mironov, "On Significance of the Least Significant Bits
/// for Differential Privacy", 2012), and so fine that nobody can tell the noise from one that was not rounded.
/// </summary>
internal sealed class RoundedGaussian : NoiseMechanism
{
    private const int GridBits = 16;

    /// <summary>The largest power of two that is at most 2^-16 standard deviations.</summary>
    public static double Grid(double standardDeviation) => Math.ScaleB(1, Math.ILogB(standardDeviation) - GridBits);

    public override void Add(Span<float> values, RandomStream random, double standardDeviation) => AddTo(values, random, standardDeviation);

    public override void Add(Span<double> values, RandomStream random, double standardDeviation) => AddTo(values, random, standardDeviation);

    public override DpEvent EventOf(double noiseMultiplier, double standardDeviation, long dimension) => new GaussianDpEvent(noiseMultiplier);

    private static void AddTo<T>(Span<T> values, RandomStream random, double standardDeviation)
        where T : unmanaged
    {
        var grid = Grid(standardDeviation);
        while (values.Length > 0)
        {
            var count = Math.Min(values.Length, RandomStream.Words);
            var words = random.Next((count + BoxMuller.Block - 1) / BoxMuller.Block * BoxMuller.Block);
            BoxMuller.Add(values[..count], words, standardDeviation, grid);
            values = values[count..];
        }
    }
}
