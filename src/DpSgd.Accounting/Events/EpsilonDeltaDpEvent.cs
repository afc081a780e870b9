namespace DpSgd.Accounting;

/// <summary>
/// A mechanism of which no more is known than that it is (<see cref="Epsilon"/>, <see cref="Delta"/>)-differentially private
/// under the neighbouring relation of the accountant. An event that says what was done costs less.
/// </summary>
/// <param name="Epsilon">Epsilon, in [0, infinity].</param>
/// <param name="Delta">Delta, in [0, 1].</param>
/// <exception cref="ArgumentOutOfRangeException"><paramref name="Epsilon"/> is NaN or negative, or <paramref name="Delta"/> is NaN or outside [0, 1].</exception>
public sealed record EpsilonDeltaDpEvent(double Epsilon, double Delta) : DpEvent
{
    /// <summary>Epsilon, in [0, infinity].</summary>
    public double Epsilon
    {
        get;
        init => field = Guard.NonNegative(value, nameof(Epsilon));
    } = Guard.NonNegative(Epsilon);

    /// <summary>Delta, in [0, 1].</summary>
    public double Delta
    {
        get;
        init => field = Guard.Probability(value, nameof(Delta));
    } = Guard.Probability(Delta);
}
