using static TorchSharp.torch;

namespace DpSgd;

/// <summary>
/// The examples that a <see cref="DPDataLoader{TBatch}"/> draws from, and how chosen ones are put together into a
/// batch. Implement it for data that is neither in tensors nor in a TorchSharp dataset.
/// </summary>
/// <typeparam name="TBatch">What a batch is.</typeparam>
public interface IBatchSource<TBatch> : IDisposable
{
    /// <summary>Number of examples. It must not change.</summary>
    long Count { get; }

    /// <summary>
    /// The batch with these examples, in this order, in tensors of its own. Called from another thread, one call at a time,
    /// when the loader prefetches.
    /// </summary>
    /// <param name="indices">Positions from 0 to <see cref="Count"/> - 1, each once; may be empty.</param>
    TBatch Collate(long[] indices);

    /// <summary>The tensors that a batch consists of. The loader disposes them when the next batch is asked for.</summary>
    /// <param name="batch">What <see cref="Collate"/> returned.</param>
    IEnumerable<Tensor> TensorsOf(TBatch batch);
}
