namespace DpSgd.Accounting;

/// <summary>
/// The Gaussian mechanism (Dwork and Roth, "The Algorithmic Foundations of Differential Privacy", 2014, appendix A): a sum whose sensitivity is C was
/// released with noise N(0, (<see cref="NoiseMultiplier"/> C)^2) added to every coordinate.
/// </summary>
/// <remarks>
/// The noise multiplier is always relative to the clip norm C, which is the l2 sensitivity when one example is added or
/// removed. When one example is replaced by another the sensitivity is 2C, and every accountant of this library counts
/// it so.
/// </remarks>
public sealed record GaussianDpEvent : DpEvent
{
    /// <summary>Describes one use of the Gaussian mechanism.</summary>
    /// <param name="NoiseMultiplier">Standard deviation of the noise over the clip norm, in [0, infinity]. Zero is no privacy at all.</param>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="NoiseMultiplier"/> is NaN or negative.</exception>
    public GaussianDpEvent(double NoiseMultiplier) => this.NoiseMultiplier = NoiseMultiplier;

    /// <summary>Standard deviation of the noise over the clip norm, in [0, infinity].</summary>
    public double NoiseMultiplier
    {
        get;
        init => field = Guard.NonNegative(value, nameof(NoiseMultiplier));
    }
}
