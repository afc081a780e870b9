namespace DpSgd.Accounting;

/// <summary>
/// The discrete Gaussian mechanism (Canonne, Kamath, Steinke, "The Discrete Gaussian for Differential Privacy",
/// arXiv:2004.00010): integers were released with noise of probability proportional to <c>e^(-x^2 / 2 sigma^2)</c>.
/// </summary>
/// <remarks>
/// Its cost is bounded by that of the continuous mechanism with the same scale and sensitivity, in any dimension.
/// </remarks>
/// <param name="Sigma">Scale of the noise, in [0, infinity]. Zero is no privacy at all.</param>
/// <param name="Sensitivity">By how much one example can change the integers, in l2 norm, when it is added or removed; positive.</param>
/// <exception cref="ArgumentOutOfRangeException"><paramref name="Sigma"/> is NaN or negative, or <paramref name="Sensitivity"/> is NaN, infinite or not positive.</exception>
public sealed record DiscreteGaussianDpEvent(double Sigma, double Sensitivity = 1) : DpEvent
{
    /// <summary>Scale of the noise, in [0, infinity]. Zero is no privacy at all.</summary>
    public double Sigma
    {
        get;
        init => field = Guard.NonNegative(value, nameof(Sigma));
    } = Guard.NonNegative(Sigma);

    /// <summary>By how much one example can change the integers, in l2 norm, when it is added or removed; positive.</summary>
    public double Sensitivity
    {
        get;
        init => field = Guard.Positive(value, nameof(Sensitivity));
    } = Guard.Positive(Sensitivity);
}
