using DpSgd.PerExampleGradients;
using static TorchSharp.torch;

namespace DpSgd;

/// <content>What the optimizer knows of the batches that its loader draws, and of those that come in pieces.</content>
public partial class DPOptimizer
{
    private FlatGradient? _earlierPieces;
    private BatchPiece? _lastPiece;
    private BatchPiece? _called;
    private Epoch? _paidEpoch;
    private Action? _unwatch;

    private BatchPiece? InHand => _options.Sampling?.Draws?.InHand;

    /// <summary>Tells the loader how batches are divided, so that it cuts no microbatch, and notes on which batches the model is called.</summary>
    private void WatchBatches()
    {
        if (_options.Sampling?.Draws is not { } draws)
            return;
        draws.Microbatching = _microbatching;
        _unwatch = RootCall.Observe(_model, examples => _called = is_grad_enabled() ? DrawLog.OriginOf(examples) : _called, () => { });
    }

    /// <returns>What the step is made of; null if no loader vouches for it.</returns>
    /// <exception cref="InvalidOperationException">The sampling cannot have drawn such a batch; or its loader did not draw it, or a step was made of it already.</exception>
    private BatchPiece? PieceInHand(long batchSize)
    {
        if (_options.Sampling is not { } sampling)
            return null;
        var reason = sampling.Draws is { } draws ? draws.WhyNot(batchSize, _called) ?? WhyNotContinue(draws.InHand!)
            : sampling.CanHave(batchSize) ? null
            : $"the batch has {batchSize} examples, which is impossible with {sampling}";
        return reason is null ? InHand : throw new InvalidOperationException($"No private step was taken: {reason}.");
    }

    private string? WhyNotContinue(BatchPiece piece) => piece switch
    {
        { IsWhole: true } => null,
        _ when piece.DividedFor != (_microbatching.IsOneExampleEach(piece.Indices.Length) ? null : _microbatching) =>
            "the batch was cut into pieces without regard to the microbatches of this optimizer. Make the optimizer before the loop begins, and a loader for each optimizer",
        { IsFirst: false } when _lastPiece?.IsOfBatchOf(piece) != true =>
            "this optimizer does not have the sum of the pieces before. Go on to the next batch, which begins afresh",
        _ => null,
    };

    /// <summary>
    /// Whether the gradient now holds the clipped sum of a whole batch. If more pieces are to come it is put with the sum of
    /// those before; the weights stay as they are, and nothing is released that would have to be counted. A step that fails
    /// can be made again: only its end is noted.
    /// </summary>
    private bool CompletesBatch(BatchPiece? piece)
    {
        if (piece is null or { IsWhole: true })
            return true;
        if (piece.IsLast)
        {
            _gradient.Add(_earlierPieces!);
            return true;
        }
        _earlierPieces ??= new FlatGradient(_parameters);
        if (piece.IsFirst)
            _earlierPieces.Zero();
        _earlierPieces.Add(_gradient);
        _lastPiece = piece;
        piece.Use();
        return false;
    }

    private void ForgetPieces()
    {
        _earlierPieces?.Dispose();
        _earlierPieces = null;
        _lastPiece = null;
    }
}
