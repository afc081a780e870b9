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
/// <param name="workspace">How much memory there is for intermediate results.</param>
/// <remarks>
/// The norm of one outer product is the product of the norms (Goodfellow, "Efficient Per-Example Gradient Computations",
/// 2015); that of a sum of R of them is the inner product of the two R by R Gram matrices (Li et al., "Large Language
/// Models Can Be Strong Differentially Private Learners", 2022), or it is written out, whichever takes fewer operations:
/// for as many examples at a time as the memory allows, never for all.
/// </remarks>
internal sealed class OuterProductGradient(Tensor left, Tensor right, Workspace workspace) : PerExampleGradient
{
    public Tensor Left => left;

    public Tensor Right => right;

    public override Tensor SquaredNorms(Microbatches microbatches)
    {
        long rows = microbatches.Width * left.shape[1], p = left.shape[2], q = right.shape[2];
        if (rows == 1)
            return SquaredSizes(microbatches);
        var isGram = 2 * rows * (p + q) < p * q;
        var bytes = isGram ? sizeof(double) * rows * (3 * rows + p + q) : 2 * p * q * left.element_size();
        return ByParts(microbatches, bytes, (l, r) =>
        {
            var sizes = SquaredSizes(l, r);
            var squared = isGram
                ? GramProduct(l.to(ScalarType.Float64), r.to(ScalarType.Float64), sizes)
                : NormBound.SquaredRows(l.transpose(1, 2).bmm(r));
            return NormBound.WithRounding(squared, sizes, rows, left.dtype);
        });
    }

    /// <summary>The squared norm that the sums of products would have if nothing cancelled, from above: [M].</summary>
    public Tensor SquaredSizes(Microbatches microbatches)
    {
        var numbers = microbatches.Width * left.shape[1] * (left.shape[2] + right.shape[2]);
        return ByParts(microbatches, 2 * numbers * left.element_size(), SquaredSizes);
    }

    public override void AddWeightedSum(Tensor weights, Tensor total)
    {
        // The weights go into the smaller factor.
        weights = weights.view(-1, 1, 1);
        var (l, r) = left.shape[2] <= right.shape[2] ? (left * weights, right) : (left, right * weights);
        total.view(left.shape[2], right.shape[2]).addmm_(l.reshape(-1, left.shape[2]).t(), r.reshape(-1, right.shape[2]));
    }

    public override Tensor WriteOut() => left.transpose(1, 2).bmm(right);

    public override PerExampleGradient Without(Tensor drop) =>
        new OuterProductGradient(Zeroed(left, drop), Zeroed(right, drop), workspace);

    /// <summary>The sum of several of the same shape: more rows.</summary>
    public static OuterProductGradient Sum(IReadOnlyList<OuterProductGradient> gradients, Workspace workspace) => gradients.Count == 1
        ? gradients[0]
        : new(cat([.. gradients.Select(g => g.Left)], 1), cat([.. gradients.Select(g => g.Right)], 1), workspace);

    private Tensor ByParts(Microbatches microbatches, long bytes, Func<Tensor, Tensor, Tensor> norms) => workspace.ByParts(
        microbatches.Count, bytes,
        (first, count) => norms(microbatches.Group(left, first, count).flatten(1, 2), microbatches.Group(right, first, count).flatten(1, 2)));

    private static Tensor SquaredSizes(Tensor l, Tensor r) => NormBound.SquaredRows(l).mul_(NormBound.SquaredRows(r));

    /// <summary>
    /// The inner product of the two Gram matrices. It is a sum of terms of both signs that are as large as
    /// <paramref name="sizes"/>, so single precision would leave no digit of a small result.
    /// </summary>
    private static Tensor GramProduct(Tensor l, Tensor r, Tensor sizes)
    {
        var product = l.bmm(l.transpose(1, 2)).mul_(r.bmm(r.transpose(1, 2))).sum(dim: [1, 2]);
        var rounding = l.shape[1] * Math.ScaleB(1, -50);
        return product.NotNegative().Increase(sizes, rounding);
    }
}
