namespace DpSgd.Accounting;

/// <summary>
/// The permute-and-flip mechanism (McKenna, Sheldon, "Permute-and-Flip", arXiv:2010.12603) with privacy parameter
/// <see cref="Epsilon"/> under the neighbouring relation of the accountant. Its loss is that of Laplace noise.
/// </summary>
/// <param name="Epsilon">Epsilon, in [0, infinity].</param>
/// <exception cref="ArgumentOutOfRangeException"><paramref name="Epsilon"/> is NaN or negative.</exception>
public sealed record PermuteAndFlipDpEvent(double Epsilon) : DpEvent
{
    /// <summary>Epsilon, in [0, infinity].</summary>
    public double Epsilon
    {
        get;
        init => field = Guard.NonNegative(value, nameof(Epsilon));
    } = Guard.NonNegative(Epsilon);
}
