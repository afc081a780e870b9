using DpSgd.Accounting;

namespace DpSgd;

/// <summary>
/// The discrete Gaussian mechanism (Canonne, Kamath, Steinke, "The Discrete Gaussian for Differential Privacy",
/// arXiv:2004.00010): the sum is rounded to a grid, and what is added to it is a whole number of grid steps, drawn exactly.
/// </summary>
/// <remarks>
/// The grid is a power of two, so that going to it and back rounds nothing else. Rounding moves each coordinate by half a
/// step at most, hence two neighbouring sums apart by at most the square root of the dimension, in steps. That is counted,
/// and costs little because a step is so small.
/// </remarks>
internal sealed class DiscreteGaussian : NoiseMechanism
{
    private const int GridBits = 29;
    private const double Largest = 1L << 62;

    public override void Add(Span<float> values, RandomStream random, double standardDeviation)
    {
        var (exponent, scale) = Grid(standardDeviation);
        var sampler = new DiscreteGaussianSampler(scale, random);
        for (var i = 0; i < values.Length; i++)
            values[i] = (float)Noisy(values[i], exponent, sampler);
    }

    public override void Add(Span<double> values, RandomStream random, double standardDeviation)
    {
        var (exponent, scale) = Grid(standardDeviation);
        var sampler = new DiscreteGaussianSampler(scale, random);
        for (var i = 0; i < values.Length; i++)
            values[i] = Noisy(values[i], exponent, sampler);
    }

    public override DpEvent EventOf(double noiseMultiplier, double standardDeviation, long dimension)
    {
        if (standardDeviation == 0)
            return new DiscreteGaussianDpEvent(0);
        // The scale was rounded up, so this many steps are at least the sensitivity.
        var scale = Grid(standardDeviation).Scale;
        return new DiscreteGaussianDpEvent(scale, Math.BitIncrement(Math.BitIncrement(scale / noiseMultiplier) + Math.Sqrt(dimension)));
    }

    /// <summary>The grid step, as a power of two, and the scale of the noise in steps: from 2^29 to 2^30.</summary>
    public static (int Exponent, long Scale) Grid(double standardDeviation)
    {
        var exponent = Math.ILogB(standardDeviation) - GridBits;
        return (exponent, (long)Math.Ceiling(Math.ScaleB(standardDeviation, -exponent)));
    }

    /// <summary>Sums too large for the grid are cut off, which brings neighbours no further apart.</summary>
    private static double Noisy(double value, int exponent, DiscreteGaussianSampler sampler)
    {
        var steps = (long)Math.Clamp(Math.Round(Math.ScaleB(value, -exponent)), -Largest, Largest);
        return Math.ScaleB(steps + sampler.Next(), exponent);
    }
}
