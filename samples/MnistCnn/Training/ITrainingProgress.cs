namespace MnistCnn.Training;

/// <summary>Hears how training goes. Called on the training thread, which waits: be quick.</summary>
public interface ITrainingProgress
{
    /// <summary>A step was taken.</summary>
    void OnStep(StepProgress step);

    /// <summary>An epoch ended, or was cut short, and the model was tested.</summary>
    void OnEpoch(EpochResult epoch);
}

/// <summary>Where training is.</summary>
/// <remarks>
/// <paramref name="Loss"/> and <paramref name="Accuracy"/> are computed from the training images without any noise, so they
/// are not covered by the guarantee: they are for whoever holds the data anyway, and not for publication.
/// </remarks>
/// <param name="Epoch">Number of the epoch, from 1.</param>
/// <param name="Step">Steps taken in this epoch.</param>
/// <param name="StepsInEpoch">How many it has.</param>
/// <param name="Loss">Mean training loss in this epoch so far.</param>
/// <param name="Accuracy">Training accuracy in this epoch so far.</param>
/// <param name="Epsilon">Spent so far; null when training is not private, or when it is told at the end of an epoch only.</param>
public sealed record StepProgress(int Epoch, long Step, long StepsInEpoch, double Loss, double Accuracy, double? Epsilon);
