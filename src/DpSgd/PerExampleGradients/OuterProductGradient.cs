using DpSgd.Clipping;
using TorchSharp;
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
/// What was written out for the norm serves for the sum too. It is at most twice as large as the factors.
/// </remarks>
internal sealed class OuterProductGradient(Tensor left, Tensor right) : PerExampleGradient
{
    private Tensor? _writtenOut;

    public Tensor Left => left;

    public Tensor Right => right;

    public override Tensor SquaredNorms(Microbatches microbatches)
    {
        var l = Rows(microbatches.Group(left));
        var r = Rows(microbatches.Group(right));
        long rows = l.shape[1], p = l.shape[2], q = r.shape[2];
        var sizes = SquaredSizes(l, r);
        if (rows == 1)
            return sizes;
        if (2 * rows * (p + q) < p * q)
            return NormBound.WithRounding(GramProduct(l.to(ScalarType.Float64), r.to(ScalarType.Float64), sizes), sizes, rows, left.dtype);
        var products = l.transpose(1, 2).bmm(r);
        if (microbatches.IsOneExampleEach)
            _writtenOut = products;
        return NormBound.WithRounding(NormBound.SquaredRows(products), sizes, rows, left.dtype);
    }

    /// <summary>The squared norm that the sums of products would have if nothing cancelled, from above: [M].</summary>
    public Tensor SquaredSizes(Microbatches microbatches) =>
        SquaredSizes(Rows(microbatches.Group(left)), Rows(microbatches.Group(right)));

    private static Tensor SquaredSizes(Tensor l, Tensor r) => NormBound.SquaredRows(l).mul_(NormBound.SquaredRows(r));

    /// <summary>The members of a microbatch are more rows of one sum: [M, width, T, d] as [M, R, d].</summary>
    private static Tensor Rows(Tensor grouped) => grouped.flatten(1, 2);

    /// <summary>
    /// The inner product of the two Gram matrices. It is a sum of terms of both signs that are as large as
    /// <paramref name="sizes"/>, so single precision would leave no digit of a small result.
    /// </summary>
    private static Tensor GramProduct(Tensor l, Tensor r, Tensor sizes)
    {
        var product = l.bmm(l.transpose(1, 2)).mul_(r.bmm(r.transpose(1, 2))).sum(dim: [1, 2]);
        var rounding = l.shape[1] * Math.ScaleB(1, -50);
        return product.clamp_(min: 0).add_(sizes, alpha: rounding);
    }

    public override void AddWeightedSum(Tensor weights, Tensor total)
    {
        if (_writtenOut is not null)
        {
            new WrittenOutGradient(_writtenOut).AddWeightedSum(weights, total);
            return;
        }
        var weighted = (left * weights.view(-1, 1, 1)).reshape(-1, left.shape[2]);
        total.view(left.shape[2], right.shape[2]).addmm_(weighted.t(), right.reshape(-1, right.shape[2]));
    }

    public override Tensor WriteOut() => _writtenOut ?? left.transpose(1, 2).bmm(right);

    public override PerExampleGradient Without(Tensor drop) =>
        new OuterProductGradient(Zeroed(left, drop), Zeroed(right, drop));

    /// <summary>The sum with another of the same shape: more rows.</summary>
    public OuterProductGradient Plus(OuterProductGradient other) =>
        new(cat([left, other.Left], 1), cat([right, other.Right], 1));
}
