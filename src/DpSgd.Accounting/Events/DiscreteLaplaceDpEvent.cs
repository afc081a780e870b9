namespace DpSgd.Accounting;

/// <summary>
/// The discrete Laplace or geometric mechanism (Ghosh, Roughgarden, Sundararajan, "Universally Utility-Maximizing Privacy
/// Mechanisms", 2009): an integer was released with noise x of probability <c>tanh(a/2) e^(-a |x|)</c>, where a is
/// <see cref="NoiseParameter"/>.
/// </summary>
/// <param name="NoiseParameter">The parameter a, in [0, infinity]. Zero is infinite noise, infinity none.</param>
/// <param name="Sensitivity">By how much one example can change the integer when it is added or removed, at least one.</param>
/// <exception cref="ArgumentOutOfRangeException"><paramref name="NoiseParameter"/> is NaN or negative, or <paramref name="Sensitivity"/> is less than one.</exception>
public sealed record DiscreteLaplaceDpEvent(double NoiseParameter, long Sensitivity) : DpEvent
{
    /// <summary>The parameter a, in [0, infinity]. Zero is infinite noise, infinity none.</summary>
    public double NoiseParameter
    {
        get;
        init => field = Guard.NonNegative(value, nameof(NoiseParameter));
    } = Guard.NonNegative(NoiseParameter);

    /// <summary>By how much one example can change the integer when it is added or removed, at least one.</summary>
    public long Sensitivity
    {
        get;
        init => field = Guard.AtLeast(1, value, nameof(Sensitivity));
    } = Guard.AtLeast(1, Sensitivity);
}
