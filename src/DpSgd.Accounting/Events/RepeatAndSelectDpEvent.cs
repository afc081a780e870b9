namespace DpSgd.Accounting;

/// <summary>
/// <see cref="Event"/> was run a random number of times and only the best run was released (Papernot, Steinke, "Hyperparameter
/// Tuning with Rényi Differential Privacy", arXiv:2110.03620).
/// </summary>
/// <param name="Event">One run.</param>
/// <param name="Mean">Mean number of runs, at least one and finite.</param>
/// <param name="Shape">Distribution of the number of runs: truncated negative binomial with this shape, in [0, infinity]. Zero is logarithmic, one geometric, infinity Poisson.</param>
/// <exception cref="ArgumentNullException"><paramref name="Event"/> is null.</exception>
/// <exception cref="ArgumentOutOfRangeException"><paramref name="Mean"/> is NaN, infinite or less than one, or <paramref name="Shape"/> is NaN or negative.</exception>
public sealed record RepeatAndSelectDpEvent(DpEvent Event, double Mean, double Shape) : DpEvent
{
    /// <summary>One run.</summary>
    public DpEvent Event
    {
        get;
        init => field = Guard.NotNull(value, nameof(Event));
    } = Guard.NotNull(Event);

    /// <summary>Mean number of runs, at least one and finite.</summary>
    public double Mean
    {
        get;
        init => field = Guard.AtLeastOne(value, nameof(Mean));
    } = Guard.AtLeastOne(Mean);

    /// <summary>Distribution of the number of runs: truncated negative binomial with this shape, in [0, infinity]. Zero is logarithmic, one geometric, infinity Poisson.</summary>
    public double Shape
    {
        get;
        init => field = Guard.NonNegative(value, nameof(Shape));
    } = Guard.NonNegative(Shape);
}
