namespace DpSgd.Accounting;

/// <summary>Gaussian noise around the sum of what a random sample contributes.</summary>
internal abstract class GaussianPair(double noiseMultiplier, double[] locations, double[] p, double[] q)
    : LocationMixturePair(Array.ConvertAll(locations, location => location / noiseMultiplier), p, q)
{
    private readonly double _leftmost = locations[0] / noiseMultiplier;
    private readonly double _rightmost = locations[^1] / noiseMultiplier;

    /// <summary>Standard deviation of the noise, positive, over the sensitivity.</summary>
    protected double NoiseMultiplier { get; } = noiseMultiplier;

    /// <inheritdoc/>
    protected sealed override double LogDensity(double distance) => -0.5 * distance * distance;

    /// <inheritdoc/>
    protected sealed override double Tail(double distance) => NormalTail.Above(distance);

    /// <inheritdoc/>
    protected sealed override (double Left, double Right) PositionRange(double logNeglected)
    {
        // The tail beyond z is below e^(-z^2 / 2).
        var reach = Math.Sqrt(-2 * logNeglected);
        return (_leftmost - reach, _rightmost + reach);
    }
}
