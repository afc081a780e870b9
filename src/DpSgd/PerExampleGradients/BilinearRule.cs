using TorchSharp.Modules;
using static TorchSharp.torch;

namespace DpSgd.PerExampleGradients;

/// <summary>
/// Bilinear, y = x1^T W x2 + b, on inputs [B, ..., in1] and [B, ..., in2]: dL/dW is the sum over positions of the outer
/// product of dL/dy, x1 and x2, dL/db the sum of dL/dy.
/// </summary>
internal sealed class BilinearRule : LayerRule
{
    public override Type LayerType => typeof(Bilinear);

    internal override int BatchedDimensions(nn.Module layer) => 2;

    internal override PerExampleGradient GradientOf(string parameter, LayerUse use, Workspace workspace)
    {
        var gradient = LinearRule.ByPosition(use.OutputGradient);
        if (parameter == "bias")
            return new WrittenOutGradient(gradient.sum(dim: 1L));
        Tensor first = LinearRule.ByPosition(use.Inputs[0]!), second = LinearRule.ByPosition(use.Inputs[1]!);
        // Two of the three factors are multiplied out: those that make the smaller tensor.
        return gradient.shape[2] < second.shape[2]
            ? new OuterProductGradient(Product(gradient, first), second, workspace)
            : new OuterProductGradient(gradient, Product(first, second), workspace);
    }

    /// <summary>[B, T, p] and [B, T, q] as [B, T, p * q].</summary>
    private static Tensor Product(Tensor left, Tensor right) => (left.unsqueeze(3) * right.unsqueeze(2)).flatten(2);
}
