using System.Collections;
using DpSgd.Accounting;

namespace DpSgd;

/// <summary>
/// Batches in which each example is present independently of all others with the same probability (Poisson sampling),
/// which is what the usual privacy amplification bounds are about. Give <see cref="Sampling"/> to the optimizer.
/// </summary>
/// <typeparam name="TBatch">What a batch is.</typeparam>
/// <remarks>
/// Batches differ in size and can be empty: train on them all the same. One enumeration is one epoch,
/// <see cref="Count"/> batches. As with TorchSharp's own loader, a batch is disposed when the next one is asked for.
/// Not safe for several threads.
/// </remarks>
public abstract class PoissonDataLoader<TBatch> : IEnumerable<TBatch>, IDisposable
{
    private readonly PoissonSampler _sampler;
    private readonly DrawLog _draws = new();

    /// <summary>Prepares to draw from a data set.</summary>
    /// <param name="datasetSize">Number of examples, at least one.</param>
    /// <param name="expectedBatchSize">Average batch size, from 1 to <paramref name="datasetSize"/>.</param>
    /// <param name="seedForTests">Null, the default, draws from the operating system's cryptographic generator. With a seed the batches are reproducible, and the amplification by sampling is void.</param>
    /// <exception cref="ArgumentOutOfRangeException">An argument is outside its range.</exception>
    protected PoissonDataLoader(long datasetSize, int expectedBatchSize, int? seedForTests)
    {
        Guard.AtLeast(1, datasetSize);
        Guard.Between(1, datasetSize, expectedBatchSize);
        Sampling = new PoissonSampling((double)expectedBatchSize / datasetSize, datasetSize)
        {
            IsSecret = seedForTests is null,
            Draws = _draws,
        };
        Count = (datasetSize + expectedBatchSize - 1) / expectedBatchSize;
        _sampler = new(datasetSize, Sampling.Probability, seedForTests is { } seed ? new Random(seed) : null);
    }

    /// <summary>How the batches are drawn, for <see cref="DPOptimizerOptions.Sampling"/>.</summary>
    public PoissonSampling Sampling { get; }

    /// <summary>Number of batches in one enumeration: the data set's size over the expected batch size, rounded up.</summary>
    public long Count { get; }

    /// <inheritdoc/>
    public IEnumerator<TBatch> GetEnumerator()
    {
        for (var i = 0L; i < Count; i++)
        {
            var indices = _sampler.Draw();
            var batch = Collate(indices);
            _draws.Draw(indices.Length);
            try
            {
                yield return batch;
            }
            finally
            {
                _draws.Close();
                Release(batch);
            }
        }
    }

    /// <inheritdoc/>
    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();

    /// <summary>Releases what the loader holds of the data.</summary>
    public void Dispose()
    {
        Dispose(disposing: true);
        GC.SuppressFinalize(this);
    }

    /// <summary>The batch with these examples, owned by the loader.</summary>
    /// <param name="indices">Positions in the data set, ascending; may be empty.</param>
    protected abstract TBatch Collate(long[] indices);

    /// <summary>Disposes a batch.</summary>
    /// <param name="batch">What <see cref="Collate"/> returned.</param>
    protected abstract void Release(TBatch batch);

    /// <summary>Releases what the loader holds of the data.</summary>
    /// <param name="disposing">False when called by a finalizer.</param>
    protected virtual void Dispose(bool disposing)
    {
    }
}
