namespace DpSgd.Accounting;

/// <summary>
/// Tree aggregation (Kairouz, McMahan, Song, Thakkar, Thakurta, Xu, "Practical and Private (Deep) Learning without Sampling or
/// Shuffling", arXiv:2103.00039, appendix D): prefix sums were released from one or more binary trees with Gaussian noise in
/// every node, and every example was in at most one leaf of all trees.
/// </summary>
/// <param name="NoiseMultiplier">Standard deviation of the noise of a node over C, in [0, infinity].</param>
/// <param name="StepCounts">Leaves of each tree, each at least zero; at least one tree. The list is copied.</param>
/// <exception cref="ArgumentOutOfRangeException"><paramref name="NoiseMultiplier"/> is NaN or negative.</exception>
/// <exception cref="ArgumentNullException"><paramref name="StepCounts"/> is null.</exception>
public sealed record SingleEpochTreeAggregationDpEvent(double NoiseMultiplier, IReadOnlyList<long> StepCounts) : DpEvent
{
    /// <summary>Standard deviation of the noise of a node over C, in [0, infinity].</summary>
    public double NoiseMultiplier
    {
        get;
        init => field = Guard.NonNegative(value, nameof(NoiseMultiplier));
    } = Guard.NonNegative(NoiseMultiplier);

    /// <summary>Leaves of each tree, each at least zero; at least one tree. The list is copied.</summary>
    public IReadOnlyList<long> StepCounts
    {
        get;
        init => field = CopyOf(value);
    } = CopyOf(StepCounts);

    /// <summary>Two events are equal when their trees are, in order.</summary>
    /// <param name="other">The event to compare with.</param>
    public bool Equals(SingleEpochTreeAggregationDpEvent? other) =>
        other is not null && NoiseMultiplier.Equals(other.NoiseMultiplier) && StepCounts.SequenceEqual(other.StepCounts);

    /// <inheritdoc/>
    public override int GetHashCode() => StepCounts.Aggregate(NoiseMultiplier.GetHashCode(), HashCode.Combine);

    private static IReadOnlyList<long> CopyOf(IReadOnlyList<long> stepCounts)
    {
        Guard.NotNull(stepCounts, nameof(StepCounts));
        Guard.AtLeast(1, stepCounts.Count, nameof(StepCounts));
        return Array.AsReadOnly(stepCounts.Select(count => Guard.AtLeast(0, count, nameof(StepCounts))).ToArray());
    }
}
