using DpSgd.Clipping;
using static TorchSharp.torch;

namespace DpSgd.PerExampleGradients;

/// <summary>Per-example gradients as the tensor that they are: [B, ...], with the parameter's values in their order.</summary>
internal sealed class WrittenOutGradient(Tensor gradients) : PerExampleGradient
{
    public override Tensor SquaredNorms(Microbatches microbatches)
    {
        if (microbatches.IsOneExampleEach)
            return NormBound.SquaredRows(gradients);
        using var scope = NewDisposeScope();
        var squared = NormBound.SquaredRows(microbatches.Sum(gradients));
        return (microbatches.Width == 1
            ? squared
            : NormBound.WithRounding(squared, microbatches.Sum(NormBound.SquaredRows(gradients)), microbatches.Width, gradients.dtype)).MoveToOuterDisposeScope();
    }

    public override void AddWeightedSum(Tensor weights, Tensor total) =>
        total.view(-1, 1).addmm_(gradients.reshape(gradients.shape[0], -1).t(), weights.view(-1, 1));

    public override Tensor WriteOut() => gradients;

    public override PerExampleGradient Without(Tensor drop) => new WrittenOutGradient(Zeroed(gradients, drop));
}
