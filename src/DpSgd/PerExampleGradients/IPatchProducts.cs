using static TorchSharp.torch;

namespace DpSgd.PerExampleGradients;

/// <summary>What a convolution's gradients are needed for, whichever type its tensors have.</summary>
internal interface IPatchProducts
{
    /// <summary>Squared norm of each example's gradient, from above.</summary>
    /// <param name="norms">[B], in double precision.</param>
    /// <param name="kept">[B, parameters], for the gradients themselves; or null.</param>
    void SquaredNorms(Tensor norms, Tensor? kept);

    /// <summary>Adds the sum over examples of weight times gradient.</summary>
    /// <param name="weights">[B], contiguous.</param>
    /// <param name="total">[parameters], contiguous.</param>
    void AddWeightedSum(Tensor weights, Tensor total);
}
