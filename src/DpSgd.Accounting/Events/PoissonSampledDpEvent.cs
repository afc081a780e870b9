namespace DpSgd.Accounting;

/// <summary>
/// <see cref="Event"/> was applied to a Poisson sample: each example was in it independently of all others with
/// probability <see cref="SamplingProbability"/> (Abadi et al., "Deep Learning with Differential Privacy", 2016).
/// </summary>
/// <param name="SamplingProbability">Probability, in [0, 1], with which each example was in the sample.</param>
/// <param name="Event">What was done to the sample.</param>
/// <exception cref="ArgumentOutOfRangeException"><paramref name="SamplingProbability"/> is NaN or outside [0, 1].</exception>
/// <exception cref="ArgumentNullException"><paramref name="Event"/> is null.</exception>
public sealed record PoissonSampledDpEvent(double SamplingProbability, DpEvent Event) : DpEvent
{
    /// <summary>Probability, in [0, 1], with which each example was in the sample.</summary>
    public double SamplingProbability
    {
        get;
        init => field = Guard.Probability(value, nameof(SamplingProbability));
    } = Guard.Probability(SamplingProbability);

    /// <summary>What was done to the sample.</summary>
    public DpEvent Event
    {
        get;
        init => field = Guard.NotNull(value, nameof(Event));
    } = Guard.NotNull(Event);
}
