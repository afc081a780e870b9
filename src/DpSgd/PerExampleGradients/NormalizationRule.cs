using static TorchSharp.torch;

namespace DpSgd.PerExampleGradients;

/// <summary>
/// Layers that normalise each example by itself and then scale and shift, y = w z + b: dL/dw is the sum over positions of
/// dL/dy times the normalised input z, dL/db that of dL/dy.
/// </summary>
internal abstract class NormalizationRule : LayerRule
{
    internal override bool WritesOut => true;

    internal override PerExampleGradient GradientOf(string parameter, LayerUse use, Workspace workspace)
    {
        using var scope = NewDisposeScope();
        var layer = use.Layer.Module;
        var gradient = parameter == "bias" ? use.OutputGradient : use.OutputGradient * Normalized(layer, use.Input);
        return new WrittenOutGradient(SumOverPositions(layer, gradient).MoveToOuterDisposeScope());
    }

    /// <summary>The input as it is before scale and shift.</summary>
    protected abstract Tensor Normalized(nn.Module layer, Tensor input);

    /// <summary>The sum over those dimensions of an example that the parameters do not have. By channels: [B, C, ...] to [B, C].</summary>
    protected virtual Tensor SumOverPositions(nn.Module layer, Tensor values) => values.flatten(2).sum(dim: 2L);
}
