namespace DpSgd.Accounting;

/// <summary>
/// The Gaussian mechanism when what one unit of privacy contributes is random (Choquette-Choo, Ganesh, Steinke, Thakurta,
/// "Privacy Amplification for Matrix Mechanisms", arXiv:2310.15526): its norm is <c>Sensitivities[i]</c> with probability
/// <c>SamplingProbabilities[i]</c>. A person with several examples in a Poisson sample is such a unit.
/// </summary>
/// <param name="StandardDeviation">Standard deviation of the noise, in [0, infinity], in the units of the sensitivities.</param>
/// <param name="Sensitivities">Norms, each at least zero and finite; at least one. The list is copied.</param>
/// <param name="SamplingProbabilities">Their probabilities, as many, which add up to one. The list is copied.</param>
/// <exception cref="ArgumentNullException">A list is null.</exception>
/// <exception cref="ArgumentOutOfRangeException"><paramref name="StandardDeviation"/> is NaN or negative, or an element of a list is out of range.</exception>
/// <exception cref="ArgumentException">The lists differ in length or are empty, or the probabilities do not add up to one.</exception>
public sealed record MixtureOfGaussiansDpEvent(
    double StandardDeviation, IReadOnlyList<double> Sensitivities, IReadOnlyList<double> SamplingProbabilities) : DpEvent
{
    // The sum of a list of rounded probabilities may miss one by this much.
    private const double Rounding = 1e-9;

    /// <summary>Standard deviation of the noise, in [0, infinity].</summary>
    public double StandardDeviation { get; } = Guard.NonNegative(StandardDeviation);

    /// <summary>Norms of the contribution.</summary>
    public IReadOnlyList<double> Sensitivities { get; } = Array.AsReadOnly(
        Guard.NotNull(Sensitivities).Select(value => Guard.NonNegativeFinite(value, nameof(Sensitivities))).ToArray());

    /// <summary>Their probabilities.</summary>
    public IReadOnlyList<double> SamplingProbabilities { get; } = Checked(SamplingProbabilities, Sensitivities);

    /// <summary>Two events are equal when their lists are, in order.</summary>
    /// <param name="other">The event to compare with.</param>
    public bool Equals(MixtureOfGaussiansDpEvent? other) =>
        other is not null && StandardDeviation.Equals(other.StandardDeviation)
        && Sensitivities.SequenceEqual(other.Sensitivities) && SamplingProbabilities.SequenceEqual(other.SamplingProbabilities);

    /// <inheritdoc/>
    public override int GetHashCode() =>
        Sensitivities.Concat(SamplingProbabilities).Aggregate(StandardDeviation.GetHashCode(), HashCode.Combine);

    private static IReadOnlyList<double> Checked(IReadOnlyList<double> probabilities, IReadOnlyList<double> sensitivities)
    {
        Guard.NotNull(probabilities, nameof(SamplingProbabilities));
        if (probabilities.Count == 0 || probabilities.Count != sensitivities.Count)
        {
            throw new ArgumentException(
                $"SamplingProbabilities must have one element for each of Sensitivities, and at least one, but they have {probabilities.Count} and {sensitivities.Count}.",
                nameof(SamplingProbabilities));
        }

        var copy = probabilities.Select(value => Guard.Probability(value, nameof(SamplingProbabilities))).ToArray();
        return Math.Abs(copy.Sum() - 1) <= Rounding
            ? Array.AsReadOnly(copy)
            : throw new ArgumentException("SamplingProbabilities must add up to 1.", nameof(SamplingProbabilities));
    }
}
