using DpSgd;

namespace MnistCnn.Training;

/// <summary>What came of a training run.</summary>
/// <param name="Epochs">One entry an epoch, the last one cut short if training was interrupted.</param>
/// <param name="Interrupted">Whether training was stopped before its end.</param>
/// <param name="Guarantee">What it cost; null when training was not private.</param>
public sealed record TrainingResult(IReadOnlyList<EpochResult> Epochs, bool Interrupted, TrainingGuarantee? Guarantee);
