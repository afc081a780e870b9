using DpSgd.Clipping;
using TorchSharp;
using static TorchSharp.torch;

namespace DpSgd.PerExampleGradients;

/// <summary>
/// The gradient of a table that is also the weight of a linear layer: the usual tie of a language model's tokens and its
/// output. The squared norm of the sum is |a|^2 + |b|^2 + 2 (a, b), and each term is had without writing it out.
/// </summary>
/// <param name="table">From the use as a table.</param>
/// <param name="linear">From the use as a weight [table size, D].</param>
/// <param name="workspace">How much memory there is for intermediate results.</param>
internal sealed class TiedGradient(RowGradient table, OuterProductGradient linear, Workspace workspace) : PerExampleGradient
{
    /// <remarks>
    /// Where the two cancel, the three terms are much larger than what is left, so the inner product is taken in double
    /// precision, and what it may be off by is added.
    /// </remarks>
    public override Tensor SquaredNorms(Microbatches microbatches)
    {
        var sizes = table.SquaredSizes(microbatches).sqrt().Increase(linear.SquaredSizes(microbatches).sqrt()).Square();
        return table.SquaredNorms(microbatches).Plus(linear.SquaredNorms(microbatches)).Increase(InnerProducts(microbatches), 2)
            .NotNegative().Increase(sizes, Math.ScaleB(1, -44));
    }

    public override void AddWeightedSum(Tensor weights, Tensor total)
    {
        table.AddWeightedSum(weights, total);
        linear.AddWeightedSum(weights, total);
    }

    public override Tensor WriteOut() => table.WriteOut().Plus(linear.WriteOut());

    public override PerExampleGradient Without(Tensor drop) =>
        new TiedGradient((RowGradient)table.Without(drop), (OuterProductGradient)linear.Without(drop), workspace);

    /// <summary>
    /// For each microbatch, the sum over its uses t of the table and r of the linear layer of left[r, token t] times the
    /// inner product of right[r] and row t.
    /// </summary>
    private Tensor InnerProducts(Microbatches microbatches)
    {
        long vocabulary = linear.Left.shape[2], length = linear.Right.shape[2], steps = microbatches.Width * linear.Left.shape[1];
        return workspace.ByParts(microbatches.Count, sizeof(double) * steps * (vocabulary + 2 * length), (first, count) =>
        {
            // A missing example has rows of zeros, so that its token, also zero, does not matter.
            var (tokens, rows) = table.Of(microbatches, first, count);
            var left = microbatches.Group(linear.Left, first, count).flatten(1, 2);
            var right = microbatches.Group(linear.Right, first, count).flatten(1, 2).to(ScalarType.Float64);
            var ofTokens = left.gather(2, tokens.unsqueeze(1).expand(-1, left.shape[1], -1)).to(ScalarType.Float64);
            return (ofTokens * right.bmm(rows.to(ScalarType.Float64).transpose(1, 2))).sum(dim: [1, 2]);
        });
    }
}
