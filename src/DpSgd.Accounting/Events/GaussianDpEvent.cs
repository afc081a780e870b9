namespace DpSgd.Accounting;

/// <summary>
/// The Gaussian mechanism (Dwork and Roth, "The Algorithmic Foundations of Differential Privacy", 2014, appendix A): a
/// sum was released with noise N(0, (<see cref="NoiseMultiplier"/> C)^2) added to every coordinate, where C is the
/// largest l2 norm that one example's contribution can have.
/// </summary>
/// <remarks>
/// The noise multiplier is always relative to C, which is the sensitivity when one example is added or removed. When
/// one example is replaced by another the sensitivity is 2C, and every accountant of this library counts it so.
/// </remarks>
/// <param name="NoiseMultiplier">Standard deviation of the noise over C, in [0, infinity]. Zero is no privacy at all.</param>
/// <exception cref="ArgumentOutOfRangeException"><paramref name="NoiseMultiplier"/> is NaN or negative.</exception>
public sealed record GaussianDpEvent(double NoiseMultiplier) : DpEvent
{
    /// <summary>Standard deviation of the noise over C, in [0, infinity].</summary>
    public double NoiseMultiplier
    {
        get;
        init => field = Guard.NonNegative(value, nameof(NoiseMultiplier));
    } = Guard.NonNegative(NoiseMultiplier);
}
