using TorchSharp.Modules;
using static TorchSharp.torch;

namespace DpSgd.PerExampleGradients;

/// <summary>LayerNorm on inputs [B, ..., normalised shape].</summary>
internal sealed class LayerNormRule : NormalizationRule
{
    public override Type LayerType => typeof(LayerNorm);

    /// <summary>One more than are normalised together: the examples must not be among those.</summary>
    internal override int BatchedDimensions(nn.Module layer) => ((LayerNorm)layer).normalized_shape.Length + 1;

    protected override Tensor Normalized(nn.Module layer, Tensor input)
    {
        var norm = (LayerNorm)layer;
        return nn.functional.layer_norm(input, norm.normalized_shape, eps: norm.eps);
    }

    protected override Tensor SumOverPositions(nn.Module layer, Tensor values)
    {
        var normalized = ((LayerNorm)layer).normalized_shape;
        return values.reshape([values.shape[0], -1, .. normalized]).sum(dim: 1L);
    }
}
