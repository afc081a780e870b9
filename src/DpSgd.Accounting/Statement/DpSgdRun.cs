namespace DpSgd.Accounting;

/// <summary>A run of DP-SGD, as far as its guarantee depends on it.</summary>
public sealed record DpSgdRun
{
    /// <summary>Examples in the data set, at least one.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The value is less than one.</exception>
    public required long NumberOfExamples
    {
        get;
        init => field = Guard.AtLeast(1, value, nameof(NumberOfExamples));
    }

    /// <summary>Expected number of examples in a batch, from one to <see cref="NumberOfExamples"/>.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The value is less than one.</exception>
    public required int BatchSize
    {
        get;
        init => field = (int)Guard.AtLeast(1, value, nameof(BatchSize));
    }

    /// <summary>Standard deviation of the noise over the clip norm, in [0, infinity].</summary>
    /// <exception cref="ArgumentOutOfRangeException">The value is NaN or negative.</exception>
    public required double NoiseMultiplier
    {
        get;
        init => field = Guard.NonNegative(value, nameof(NoiseMultiplier));
    }

    /// <summary>Passes over the data, positive and finite; need not be whole.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The value is NaN, infinite or not positive.</exception>
    public required double Epochs
    {
        get;
        init => field = Guard.Positive(value, nameof(Epochs));
    }

    /// <summary>Delta, in (0, 1). Should be well below one over the number of examples.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The value is NaN or outside (0, 1).</exception>
    public required double Delta
    {
        get;
        init => field = Guard.StrictlyBetweenZeroAndOne(value, nameof(Delta));
    }

    /// <summary>Most examples whose gradients are averaged before clipping. More than one doubles the sensitivity.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The value is less than one.</exception>
    public int MicrobatchSize
    {
        get;
        init => field = (int)Guard.AtLeast(1, value, nameof(MicrobatchSize));
    }
    = 1;

    /// <summary>Most examples of one person, at least one; null when there is no such bound.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The value is less than one.</exception>
    public int? MaxExamplesPerUser
    {
        get;
        init => field = value is null ? null : (int)Guard.Between(1, 10_000, value.Value, nameof(MaxExamplesPerUser));
    }

    /// <summary>Whether batches are Poisson samples. If not, each example is taken to be in one batch of every epoch.</summary>
    public bool UsesPoissonSampling { get; init; } = true;

    /// <summary>Whether the noise comes from a cryptographic generator. A seeded one proves nothing to anybody who knows the seed.</summary>
    public bool UsesSecureNoise { get; init; } = true;

    /// <summary>Whether privacy loss distributions account for the run, instead of Rényi divergences.</summary>
    public bool UsesPldAccountant { get; init; }

    /// <summary>Probability with which an example is in a batch.</summary>
    public double SamplingProbability => Math.Min(1, (double)BatchSize / NumberOfExamples);

    /// <summary>The smallest whole number of steps that covers the epochs, without rounding.</summary>
    /// <exception cref="ArgumentOutOfRangeException">There are more steps than a <see cref="long"/> can count.</exception>
    public long Steps => DpSgdSteps.Count(NumberOfExamples, BatchSize, Epochs);
}
