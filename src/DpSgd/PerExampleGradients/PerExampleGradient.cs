using DpSgd.Clipping;
using static TorchSharp.torch;

namespace DpSgd.PerExampleGradients;

/// <summary>
/// The gradient of one parameter for each of the B examples of a batch, in whatever form is cheapest: it need never be
/// written out as a tensor of examples by parameters.
/// </summary>
internal abstract class PerExampleGradient
{
    /// <summary>Squared l2 norm of each microbatch's summed gradient, exact but for rounding and never too small: [M], in double precision.</summary>
    public abstract Tensor SquaredNorms(Microbatches microbatches);

    /// <summary>Adds the sum over examples of weight times gradient to <paramref name="total"/>.</summary>
    /// <param name="weights">One weight an example: [B].</param>
    /// <param name="total">A contiguous tensor of the parameter's shape, added to in place.</param>
    public abstract void AddWeightedSum(Tensor weights, Tensor total);

    /// <summary>The gradients as a tensor: [B, ...], each with the parameter's values in their order, if not of its shape.</summary>
    public abstract Tensor WriteOut();

    /// <summary>The same to stay until the end of the step.</summary>
    public virtual Tensor WriteOutToKeep() => WriteOut();

    /// <summary>The same with zero for some examples, even where they are NaN or infinite.</summary>
    /// <param name="drop">True for the examples to make zero: [B].</param>
    public abstract PerExampleGradient Without(Tensor drop);

    /// <summary><paramref name="rows"/> [B, ...] with zero where <paramref name="drop"/> [B] is true.</summary>
    protected static Tensor Zeroed(Tensor rows, Tensor drop)
    {
        var shape = new long[rows.dim()];
        Array.Fill(shape, 1);
        shape[0] = drop.shape[0];
        return rows.ZeroWhere(drop.view(shape));
    }
}
