using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace DpSgd.PerExampleGradients;

/// <summary>
/// Linear, y = x W^T + b, on inputs [B, ..., in]: dL/dW is the sum over positions of dL/dy x^T, dL/db that of dL/dy.
/// </summary>
internal sealed class LinearRule : LayerRule
{
    public override Type LayerType => typeof(Linear);

    internal override int BatchedDimensions(nn.Module layer) => 2;

    internal override PerExampleGradient GradientOf(string parameter, LayerUse use, Workspace workspace)
    {
        var gradient = ByPosition(use.OutputGradient);
        return parameter == "bias"
            ? new WrittenOutGradient(gradient.shape[1] == 1 ? gradient.squeeze(1) : gradient.sum(dim: 1L))
            : new OuterProductGradient(gradient, ByPosition(use.Input), workspace);
    }

    /// <summary>[B, ..., d] as [B, T, d].</summary>
    public static Tensor ByPosition(Tensor t)
    {
        var shape = t.shape;
        var positions = shape[1..^1].Aggregate(1L, (product, size) => product * size);
        return t.reshape(shape[0], positions, shape[^1]);
    }
}
