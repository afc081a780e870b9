using DpSgd.Clipping;

namespace DpSgd;

/// <summary>
/// What a loader hands out at a time: a batch as it was drawn, or a piece of it where the whole would need too much memory.
/// </summary>
internal sealed class BatchPiece
{
    private readonly Batch _batch;
    private readonly int _number;

    private BatchPiece(Batch batch, int number, long[] indices, Microbatches? microbatches)
    {
        _batch = batch;
        _number = number;
        Indices = indices;
        Microbatches = microbatches;
    }

    /// <summary>Positions of its examples in the data set.</summary>
    public long[] Indices { get; }

    /// <summary>
    /// Which of its examples share a microbatch, where this was decided over the whole batch before it was cut; null where a
    /// microbatch is one example, and where the piece is the whole batch.
    /// </summary>
    public Microbatches? Microbatches { get; }

    /// <summary>Whose microbatches: null as above.</summary>
    public Microbatching? DividedFor => Microbatches is null ? null : _batch.DividedFor;

    /// <summary>The epoch that it is of.</summary>
    public Epoch Epoch => _batch.Epoch;

    /// <summary>How many batches of the epoch are done with: those before this one, and this one if a step was made of it.</summary>
    public long BatchesDone => _batch.Number + (_batch.IsDone ? 1 : 0);

    /// <summary>Whether a step was made of the batch, of all its pieces.</summary>
    public bool IsDone => _batch.IsDone;

    public bool IsWhole => _batch.Pieces == 1;

    public bool IsFirst => _number == 0;

    public bool IsLast => _number == _batch.Pieces - 1;

    /// <summary>Why a step may not be made of it now, for a message; null if it may.</summary>
    public string? WhyNotNow => _number.CompareTo(_batch.Used) switch
    {
        < 0 when IsWhole => "a step was already made of this batch. The bound is for one step on each batch: draw another",
        < 0 => "a step was already made of this piece of the batch. The bound is for one step on each: take the next",
        > 0 => $"piece {_batch.Used + 1} of {_batch.Pieces} of this batch was left out, so nothing can be made of the rest. Step on every piece, or go on to the next batch, which begins afresh",
        _ => null,
    };

    /// <summary>A step is being made of it.</summary>
    public void Use()
    {
        _batch.Used = _number + 1;
        Epoch.HasSteps = true;
    }

    /// <summary>The loop goes on to the next one.</summary>
    public void PassOver()
    {
        if (!IsLast || IsDone)
            return;
        Epoch.LeftOut++;
        Epoch.LeftOutAnEmptyBatch |= Indices.Length == 0;
    }

    /// <summary>Whether both are pieces of one batch.</summary>
    public bool IsOfBatchOf(BatchPiece other) => _batch == other._batch;

    /// <summary>The pieces of a batch. No microbatch is cut: a piece is larger than asked for where one alone is.</summary>
    /// <param name="indices">Positions of the batch's examples in the data set.</param>
    /// <param name="maxSize">The most examples of a piece; null for one piece.</param>
    /// <param name="microbatching">How the optimizer divides batches; null if there is none, or each example is by itself.</param>
    /// <param name="epoch">The epoch that the batch is of.</param>
    /// <param name="number">How many batches of it there were before.</param>
    public static IReadOnlyList<BatchPiece> Cut(long[] indices, long? maxSize, Microbatching? microbatching, Epoch epoch, long number)
    {
        var batch = new Batch(epoch, number, microbatching);
        if (maxSize is not { } most || indices.Length <= most)
            return [new BatchPiece(batch, 0, indices, null)];
        var microbatches = microbatching?.Divide(indices.Length);
        var pieces = microbatches is null or { IsOneExampleEach: true }
            ? [.. indices.Chunk((int)most).Select((piece, i) => new BatchPiece(batch, i, piece, null))]
            : Packed(microbatches.Positions().Where(positions => positions.Length > 0), most)
                .Select((piece, i) => new BatchPiece(
                    batch, i, [.. piece.SelectMany(positions => positions).Select(position => indices[position])],
                    Microbatches.OfSizes([.. piece.Select(positions => positions.LongLength)])))
                .ToList();
        batch.Pieces = pieces.Count;
        return pieces;
    }

    private static IEnumerable<IReadOnlyList<long[]>> Packed(IEnumerable<long[]> microbatches, long most)
    {
        var piece = new List<long[]>();
        var size = 0L;
        foreach (var microbatch in microbatches)
        {
            if (piece.Count > 0 && size + microbatch.Length > most)
            {
                yield return piece;
                piece = [];
                size = 0;
            }
            piece.Add(microbatch);
            size += microbatch.Length;
        }
        yield return piece;
    }

    /// <summary>What the pieces of a batch have in common.</summary>
    private sealed class Batch(Epoch epoch, long number, Microbatching? dividedFor)
    {
        public Epoch Epoch => epoch;

        public long Number => number;

        public bool IsDone => Used == Pieces;

        public Microbatching? DividedFor => dividedFor;

        public int Pieces { get; set; } = 1;

        /// <summary>How many of them, from the first, a step was made of.</summary>
        public int Used { get; set; }
    }
}
