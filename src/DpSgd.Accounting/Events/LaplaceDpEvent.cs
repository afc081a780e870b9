namespace DpSgd.Accounting;

/// <summary>
/// The Laplace mechanism (Dwork, McSherry, Nissim, Smith, "Calibrating Noise to Sensitivity in Private Data Analysis",
/// 2006): a sum was released with Laplace noise of scale <see cref="NoiseMultiplier"/> C added to every coordinate, where C is
/// the largest l1 norm that one example's contribution can have.
/// </summary>
/// <remarks>
/// As for <see cref="GaussianDpEvent"/>, replacing an example by another moves the sum by 2C, in every accountant.
/// </remarks>
/// <param name="NoiseMultiplier">Scale of the noise over C, in [0, infinity]. Zero is no privacy at all.</param>
/// <exception cref="ArgumentOutOfRangeException"><paramref name="NoiseMultiplier"/> is NaN or negative.</exception>
public sealed record LaplaceDpEvent(double NoiseMultiplier) : DpEvent
{
    /// <summary>Scale of the noise over C, in [0, infinity]. Zero is no privacy at all.</summary>
    public double NoiseMultiplier
    {
        get;
        init => field = Guard.NonNegative(value, nameof(NoiseMultiplier));
    } = Guard.NonNegative(NoiseMultiplier);
}
