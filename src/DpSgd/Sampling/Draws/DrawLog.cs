using System.Runtime.CompilerServices;
using DpSgd.Clipping;
using static TorchSharp.torch;

namespace DpSgd;

/// <summary>
/// What a loader handed out last, and whether a step was made of it. It ties the steps of an optimizer to the samples that
/// were really drawn: the amplification bound is about one step on each fresh sample, and holds for nothing else. A batch
/// counts from when the loop receives it, however long before it was drawn.
/// </summary>
internal sealed class DrawLog
{
    private static readonly ConditionalWeakTable<Tensor, BatchPiece> Origins = [];

    private SamplerPosition _next = new(0, 0);
    private Epoch? _epoch;
    private long _leftOutBefore;
    private bool _leftOutAnEmptyBatchBefore;

    /// <summary>What is handed out now.</summary>
    public BatchPiece? InHand { get; private set; }

    /// <summary>What the loader really does.</summary>
    public BatchSampling? Sampling { get; set; }

    /// <summary>How the optimizer divides the batches, which decides where they may be cut. Set before the loop begins.</summary>
    public Microbatching? Microbatching { get; set; }

    /// <summary>Where the loader is; between loops, where the next one begins.</summary>
    /// <remarks>
    /// Batches that are drawn independently of each other go on with those that are left. Of a shuffled epoch the order would
    /// have to be kept, and how far it got before it was killed: it begins anew, and its first step pays for it again.
    /// </remarks>
    public SamplerPosition Position
    {
        get
        {
            if (InHand is not { } piece)
                return _next;
            return piece.BatchesDone == Sampling!.BatchesPerEpoch ? new(piece.Epoch.Number + 1, 0)
                : new(piece.Epoch.Number, Sampling.IsPaidByEpoch ? 0 : piece.BatchesDone);
        }
    }

    /// <summary>The next loop begins there. One that is running goes on as it is.</summary>
    public void GoTo(SamplerPosition position) => _next = InHand is null ? position : _next;

    /// <summary>A loop begins.</summary>
    public SamplerPosition Begin()
    {
        var position = _next;
        _next = new(position.Epoch + 1, 0);
        return position;
    }

    /// <summary>Of how many batches no step was made, in epochs in which steps were made.</summary>
    public long LeftOut => _leftOutBefore + (_epoch is { HasSteps: true } ? _epoch.LeftOut : 0);

    /// <summary>Which loader's batch a tensor belongs to; null for any other tensor, and for one that was made from a batch.</summary>
    public static BatchPiece? OriginOf(Tensor? tensor) => tensor is not null && Origins.TryGetValue(tensor, out var origin) ? origin : null;

    /// <summary>A batch, or a piece of one, reaches the loop.</summary>
    public void Hand(BatchPiece piece, IEnumerable<Tensor> tensors)
    {
        if (piece.Epoch != _epoch)
            GoOnTo(piece.Epoch);
        InHand = piece;
        foreach (var tensor in tensors)
            Origins.AddOrUpdate(tensor, piece);
    }

    private void GoOnTo(Epoch epoch)
    {
        if (_epoch is { HasSteps: true } before)
        {
            _leftOutBefore += before.LeftOut;
            before.LeftOut = 0;   // two loops may take turns
            _leftOutAnEmptyBatchBefore |= before.LeftOutAnEmptyBatch;
        }
        _epoch = epoch;
    }

    /// <summary>It is gone.</summary>
    public void TakeBack(BatchPiece piece) => InHand = InHand == piece ? null : InHand;

    /// <summary>Why a step may not be made of a batch, for a message; null if it may.</summary>
    /// <param name="batchSize">Number of examples.</param>
    /// <param name="origin">What the model was called with, if it is known.</param>
    public string? WhyNot(long batchSize, BatchPiece? origin) => InHand switch
    {
        null => "the loader that the sampling belongs to has no batch out. Step inside its loop, on the batches that it gives; another loop over the same loader ends the first one's batch, so make a second loader for that",
        { WhyNotNow: { } reason } => reason,
        { Epoch: var epoch } when _leftOutAnEmptyBatchBefore || epoch.LeftOutAnEmptyBatch =>
            "an empty batch was left out. Weights that did not get the noise of its step show that it was empty, which no epsilon covers. Leave out none, and begin again with a new loader and optimizer: an empty batch needs no special case, it goes through the model as any other does",
        _ when origin is not null && origin != InHand =>
            "the model was called with a batch of another loader, or with one that is gone. Step on the batch that was drawn last, from the loader whose sampling was given",
        { Indices.Length: var size } when size != batchSize =>
            $"the batch has {batchSize} examples, but the loader drew {size}. Step on the batch as it was drawn, from the loader whose sampling was given",
        _ => null,
    };
}
