using DpSgd.Accounting;

namespace DpSgd;

/// <summary>A distribution of noise, and what it costs.</summary>
internal abstract class NoiseMechanism
{
    /// <summary>Adds an independent draw to each value, in place.</summary>
    /// <param name="values">The values.</param>
    /// <param name="random">What the draws are made from.</param>
    /// <param name="standardDeviation">Positive and finite.</param>
    public abstract void Add(Span<float> values, RandomStream random, double standardDeviation);

    /// <inheritdoc cref="Add(Span{float}, RandomStream, double)"/>
    public abstract void Add(Span<double> values, RandomStream random, double standardDeviation);

    /// <summary>The event of releasing a vector with this noise on it.</summary>
    /// <param name="noiseMultiplier">Standard deviation over the l2 norm by which one example can change the vector.</param>
    /// <param name="standardDeviation">Standard deviation.</param>
    /// <param name="dimension">Length of the vector.</param>
    public abstract DpEvent EventOf(double noiseMultiplier, double standardDeviation, long dimension);
}
