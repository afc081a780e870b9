namespace DpSgd;

/// <summary>Where a loader is: what a checkpoint has of it. No random number is in it.</summary>
/// <param name="Epoch">Epochs before this one.</param>
/// <param name="Batch">Batches of this epoch that are done with.</param>
internal sealed record SamplerPosition(long Epoch, long Batch);
