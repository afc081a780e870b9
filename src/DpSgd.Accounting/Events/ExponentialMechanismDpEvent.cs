namespace DpSgd.Accounting;

/// <summary>
/// The exponential mechanism (McSherry, Talwar, "Mechanism Design via Differential Privacy", 2007) with privacy parameter
/// <see cref="Epsilon"/> under the neighbouring relation of the accountant. Its loss lies in a range of that length (Durfee,
/// Rogers, arXiv:1905.04273), which costs less than epsilon-differential privacy alone.
/// </summary>
/// <param name="Epsilon">Epsilon, in [0, infinity].</param>
/// <exception cref="ArgumentOutOfRangeException"><paramref name="Epsilon"/> is NaN or negative.</exception>
public sealed record ExponentialMechanismDpEvent(double Epsilon) : DpEvent
{
    /// <summary>Epsilon, in [0, infinity].</summary>
    public double Epsilon
    {
        get;
        init => field = Guard.NonNegative(value, nameof(Epsilon));
    } = Guard.NonNegative(Epsilon);
}
