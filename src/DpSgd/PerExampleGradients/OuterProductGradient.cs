using DpSgd.Clipping;
using static TorchSharp.torch;

namespace DpSgd.PerExampleGradients;

/// <summary>
/// Per-example gradients that are sums of outer products: for example i, the sum over t of left[i, t] right[i, t]^T.
/// The weight of every linear map has this form, and it is kept as its two factors.
/// </summary>
/// <param name="left">[B, T, p], usually the gradient of the layer's output.</param>
/// <param name="right">[B, T, q], usually the layer's input.</param>
/// <remarks>
/// The norm of one outer product is the product of the norms (Goodfellow, "Efficient Per-Example Gradient Computations",
/// 2015); that of a sum of R of them is the inner product of the two R by R Gram matrices (Li et al., "Large Language
/// Models Can Be Strong Differentially Private Learners", 2022), or it is written out, whichever takes fewer operations.
/// </remarks>
internal sealed class OuterProductGradient(Tensor left, Tensor right) : PerExampleGradient
{
    public override Tensor SquaredNorms(Microbatches microbatches)
    {
        var l = Rows(microbatches.Group(left));
        var r = Rows(microbatches.Group(right));
        long rows = l.shape[1], p = l.shape[2], q = r.shape[2];
        if (rows == 1)
            return l.square().sum(dim: [1, 2]) * r.square().sum(dim: [1, 2]);
        if (rows * (p + q) < p * q)
            return (l.bmm(l.transpose(1, 2)) * r.bmm(r.transpose(1, 2))).sum(dim: [1, 2]);
        return l.transpose(1, 2).bmm(r).square().sum(dim: [1, 2]);

        // The members of a microbatch are more rows of one sum.
        static Tensor Rows(Tensor grouped) => grouped.flatten(1, 2);
    }

    public override void AddWeightedSum(Tensor weights, Tensor total)
    {
        var weighted = (left * weights.view(-1, 1, 1)).reshape(-1, left.shape[2]);
        total.view(left.shape[2], right.shape[2]).addmm_(weighted.t(), right.reshape(-1, right.shape[2]));
    }

    public override Tensor WriteOut() => left.transpose(1, 2).bmm(right);

    public override PerExampleGradient Without(Tensor drop) =>
        new OuterProductGradient(Zeroed(left, drop), Zeroed(right, drop));
}
