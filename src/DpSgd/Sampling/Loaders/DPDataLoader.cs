using System.Collections;
using DpSgd.Accounting;
using static TorchSharp.torch;

namespace DpSgd;

/// <summary>
/// Draws batches of private data as a <see cref="BatchSampling"/> says, and vouches for it: give <see cref="Sampling"/> to the
/// optimizer, and every step is tied to a batch that was really drawn so.
/// </summary>
/// <typeparam name="TBatch">What a batch is.</typeparam>
/// <remarks>
/// <para>
/// One enumeration is one epoch. A batch is disposed when the next one is asked for, as with TorchSharp's own loader, and two
/// loops over one loader disturb each other. Batches can be empty where their size is a matter of chance: train on them all
/// the same. Not safe for several threads.
/// </para>
/// <para>
/// With <c>maxPhysicalBatchSize</c> a batch that is larger comes in pieces. The loop stays as it is: a step on a piece that is
/// not the last adds to the sum of clipped gradients and changes nothing else; the last one adds the noise, counts as one
/// step, and changes the weights, as if the batch had come whole. Leave no piece out.
/// </para>
/// <para>For data in tensors or TorchSharp datasets there are loaders by name, such as <see cref="PoissonDataLoader"/>; this one takes any source.</para>
/// </remarks>
public class DPDataLoader<TBatch> : IEnumerable<TBatch>, IDisposable
{
    private readonly IBatchSource<TBatch> _source;
    private readonly int? _maxPhysicalBatchSize;
    private readonly int _prefetch;
    private readonly int? _seedForTests;
    private readonly DrawLog _draws = new();
    private readonly List<IDisposable> _open = [];
    private bool _disposed;

    /// <summary>Prepares to draw.</summary>
    /// <param name="source">The examples. They now belong to the loader.</param>
    /// <param name="sampling">How to draw, from as many examples as there are.</param>
    /// <param name="maxPhysicalBatchSize">The most examples to hand out at a time, at least one; null hands out every batch whole. A microbatch is never cut, so a piece is larger where one alone is.</param>
    /// <param name="prefetch">How many batches (or pieces) to make ahead on a thread of its own; 0, the default, makes each when it is asked for. The source is then used on that thread.</param>
    /// <param name="seedForTests">Null, the default, draws from the operating system's cryptographic generator. With a seed the batches of the first, second, ... epoch are the same each time, and the amplification by sampling is void.</param>
    /// <exception cref="ArgumentNullException">An argument is null.</exception>
    /// <exception cref="ArgumentException">The sampling is for another number of examples.</exception>
    /// <exception cref="ArgumentOutOfRangeException">A number is outside its range.</exception>
    public DPDataLoader(
        IBatchSource<TBatch> source, BatchSampling sampling, int? maxPhysicalBatchSize = null, int prefetch = 0, int? seedForTests = null)
        : this(source, _ => Guard.NotNull(sampling), maxPhysicalBatchSize, prefetch, seedForTests)
    {
    }

    /// <summary>Prepares to draw from as many examples as there are.</summary>
    private protected DPDataLoader(
        IBatchSource<TBatch> source, Func<long, BatchSampling> samplingOf, int? maxPhysicalBatchSize, int prefetch, int? seedForTests)
    {
        _source = Guard.NotNull(source);
        if (source.Count < 1)
            throw new ArgumentOutOfRangeException(nameof(source), source.Count, "There must be at least one example to draw from.");
        if (maxPhysicalBatchSize is { } most)
            Guard.AtLeast(1, most, nameof(maxPhysicalBatchSize));
        _maxPhysicalBatchSize = maxPhysicalBatchSize;
        _prefetch = (int)Guard.AtLeast(0, prefetch);
        _seedForTests = seedForTests;
        var sampling = samplingOf(source.Count);
        if (sampling.DatasetSize != source.Count)
            throw new ArgumentException($"The sampling is for {sampling.DatasetSize} examples, but there are {source.Count}.", nameof(sampling));
        Sampling = sampling with { IsSecret = seedForTests is null, Draws = _draws };
        _draws.Sampling = Sampling;
    }

    /// <summary>How the batches are drawn, for <see cref="DPOptimizerOptions.Sampling"/>.</summary>
    public BatchSampling Sampling { get; }

    /// <summary>Number of batches in one enumeration, pieces not counted: the data set's size over the batch size, rounded up.</summary>
    public long Count => Sampling.BatchesPerEpoch;

    /// <summary>
    /// Positions in the data set of the examples in the batch, or piece of one, that the loop is at, in the order of its rows.
    /// Who is in a batch is private: do not publish it.
    /// </summary>
    /// <exception cref="InvalidOperationException">No batch is out.</exception>
    public IReadOnlyList<long> Indices => Array.AsReadOnly(
        _draws.InHand?.Indices ?? throw new InvalidOperationException("No batch is out. Ask for the indices inside the loop over the loader."));

    /// <summary>Draws the batches of one epoch.</summary>
    /// <exception cref="ObjectDisposedException">The loader is disposed.</exception>
    public IEnumerator<TBatch> GetEnumerator()
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        var begin = _draws.Begin();
        var random = _seedForTests is { } seed ? RandomWords.OfSeed(seed, begin.Epoch) : new RandomWords(null);
        var batches = _prefetch > 0
            ? new Prefetching<(BatchPiece, TBatch Batch)>(Make(random, begin), _prefetch, made => Discard(made.Batch))
            : Make(random, begin).GetEnumerator();
        _open.Add(batches);
        try
        {
            while (batches.MoveNext())
            {
                var (piece, batch) = batches.Current;
                try
                {
                    _draws.Hand(piece, _source.TensorsOf(batch));
                    yield return batch;
                    ObjectDisposedException.ThrowIf(_disposed, this);
                    piece.PassOver();
                }
                finally
                {
                    _draws.TakeBack(piece);
                    Discard(batch);
                }
            }
        }
        finally
        {
            _open.Remove(batches);
            batches.Dispose();
        }
    }

    /// <inheritdoc/>
    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();

    /// <summary>Ends what is being prefetched and disposes the source. (Tensors that were given stay the caller's.)</summary>
    public void Dispose()
    {
        Dispose(disposing: true);
        GC.SuppressFinalize(this);
    }

    /// <inheritdoc cref="Dispose()"/>
    /// <param name="disposing">False when called by a finalizer.</param>
    protected virtual void Dispose(bool disposing)
    {
        if (!disposing || _disposed)
            return;
        _disposed = true;
        foreach (var batches in _open)
            batches.Dispose();
        _source.Dispose();
    }

    private IEnumerable<(BatchPiece Piece, TBatch Batch)> Make(RandomWords random, SamplerPosition begin)
    {
        var epoch = new Epoch(begin.Epoch);
        var number = begin.Batch;
        // With a seed those before are drawn again, so that the others are as they would have been.
        foreach (var indices in Sampling.Draw(random).Skip((int)begin.Batch))
        {
            foreach (var piece in BatchPiece.Cut(indices, _maxPhysicalBatchSize, _draws.Microbatching, epoch, number++))
                yield return (piece, _source.Collate(piece.Indices));
        }
    }

    private void Discard(TBatch batch)
    {
        foreach (var tensor in _source.TensorsOf(batch))
            tensor.Dispose();
    }
}
