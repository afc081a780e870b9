using DpSgd.Accounting;
using DpSgd.PerExampleGradients;
using TorchSharp;
using static TorchSharp.torch;

namespace DpSgd;

/// <content>The step for models that have layers without a rule.</content>
public partial class DPOptimizer
{
    private MicrobatchBackward? _microbatchBackward;

    /// <summary>
    /// Takes one private step with an ordinary forward and backward pass for each microbatch. It works for every model, with
    /// the same guarantee, and is slower by about the number of microbatches: with one example each, ten times and more.
    /// </summary>
    /// <param name="batchSize">Number of examples in the batch. It may be zero where a sampling is declared.</param>
    /// <param name="microbatchLoss">
    /// Called for each microbatch with the positions of its examples in the batch, a tensor of 64-bit numbers [m] on the
    /// model's device. It calls the model with those examples and no others, and returns their mean loss, a scalar, or their
    /// summed loss if <see cref="DPOptimizerOptions.LossReduction"/> says so:
    /// <code>
    /// optimizer.step(x.shape[0], i => cross_entropy(model.call(x.index_select(0, i)), y.index_select(0, i)));
    /// </code>
    /// The guarantee rests on it that the loss depends on those examples alone.
    /// </param>
    /// <exception cref="ArgumentException">The batch size is negative, or <see cref="DPOptimizerOptions.NumMicrobatches"/> does not divide it.</exception>
    /// <exception cref="PrivacyBudgetExceededException">The step would spend more than <see cref="DPOptimizerOptions.Budget"/>. No step was taken and none was counted.</exception>
    /// <exception cref="InvalidOperationException">
    /// <see cref="DPOptimizerOptions.PerMicrobatchBackward"/> is not set; or the function did not do as it should. No step
    /// was taken and none was counted.
    /// </exception>
    public void step(long batchSize, Func<Tensor, Tensor> microbatchLoss)
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        Guard.AtLeast(0, batchSize);
        Guard.NotNull(microbatchLoss);
        if (_microbatchBackward is null)
        {
            throw new InvalidOperationException(
                "No private step was taken: this optimizer takes gradients from the model's layers. Call the model, then backward() on the " +
                "loss, then step(). For a backward pass for each microbatch set DPOptimizerOptions.PerMicrobatchBackward.");
        }
        BeginStep();
        try
        {
            using var noGradient = no_grad();
            using var scope = NewDisposeScope();
            RefuseOtherGradients();
            var piece = PieceInHand(batchSize);
            var microbatches = piece?.Microbatches ?? _microbatching.Divide(batchSize);
            var expectedCount = _microbatching.ExpectedCount(batchSize);
            _gradient.Zero();
            var nonFinite = _microbatchBackward.AddClippedSum(
                microbatches, microbatchLoss, _options.LossReduction, _options.L2NormClip, _gradient);
            if (CompletesBatch(piece))
                Release(piece, batchSize, expectedCount, nonFinite);
            else
                NonFiniteExamples += nonFinite;
        }
        finally
        {
            EndStep();
        }
    }
}
