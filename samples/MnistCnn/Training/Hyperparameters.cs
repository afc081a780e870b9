namespace MnistCnn.Training;

/// <summary>How the model is trained. The defaults are TensorFlow Privacy's tutorial.</summary>
public sealed record Hyperparameters
{
    /// <summary>Which model is trained, and on what.</summary>
    public Recipe Recipe { get; init; }

    /// <summary>Passes over the training images.</summary>
    public int Epochs { get; init; } = 3;

    /// <summary>Examples in a batch, on average.</summary>
    public int BatchSize { get; init; } = 250;

    public double LearningRate { get; init; } = 0.25;

    public double Momentum { get; init; }

    /// <summary>False for ordinary training, to compare with. The values below, but for the seed, then mean nothing.</summary>
    public bool IsPrivate { get; init; } = true;

    /// <summary>Standard deviation of the noise over <see cref="L2NormClip"/>.</summary>
    public double NoiseMultiplier { get; init; } = 1.3;

    /// <summary>The epsilon for which the noise multiplier is chosen; null when the multiplier is given.</summary>
    public double? TargetEpsilon { get; init; }

    /// <summary>The norm to which the gradient of each microbatch is clipped.</summary>
    public double L2NormClip { get; init; } = 1.5;

    /// <summary>Into how many microbatches a batch is divided; null for one example a microbatch.</summary>
    public int? Microbatches { get; init; }

    /// <summary>The delta for which epsilon is computed.</summary>
    public double Delta { get; init; } = 1e-5;

    /// <summary>Decides the model's initial weights. Batches and noise come from a cryptographic generator that has no seed.</summary>
    public long Seed { get; init; }
}
