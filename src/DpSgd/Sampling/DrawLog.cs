namespace DpSgd;

/// <summary>
/// What a loader drew last, and whether a step was made of it. It ties the steps of an optimizer to the samples that were
/// really drawn: the amplification bound is about one step on each fresh sample, and holds for nothing else.
/// </summary>
internal sealed class DrawLog
{
    private long? _size;
    private bool _used;

    /// <summary>A new batch was drawn.</summary>
    public void Draw(long size)
    {
        _size = size;
        _used = false;
    }

    /// <summary>The last batch is gone.</summary>
    public void Close() => _size = null;

    /// <summary>Why a step may not be made of a batch of this size, for a message; null if it may.</summary>
    public string? WhyNot(long batchSize) => (_size, _used) switch
    {
        (null, _) => "the loader that the sampling belongs to has no batch out. Step inside its loop, on the batches that it gives; another loop over the same loader ends the first one's batch, so make a second loader for that",
        (_, true) => "a step was already made of this batch. The bound is for one step on each batch: draw another",
        ({ } size, _) when size != batchSize =>
            $"the batch has {batchSize} examples, but the loader drew {size}. Step on the batch as it was drawn, from the loader whose sampling was given",
        _ => null,
    };

    /// <summary>A step is being made of the batch.</summary>
    public void Use() => _used = true;
}
