using TorchSharp.Modules;
using static TorchSharp.torch;

namespace DpSgd.PerExampleGradients;

/// <summary>InstanceNorm1d, 2d and 3d on inputs [B, C, ...], without running statistics.</summary>
/// <param name="layerType">Which of the three.</param>
/// <param name="spatialDimensions">Its number of spatial dimensions.</param>
internal sealed class InstanceNormRule(Type layerType, int spatialDimensions) : NormalizationRule
{
    public override Type LayerType => layerType;

    internal override int BatchedDimensions(nn.Module layer) => spatialDimensions + 2;

    protected override Tensor Normalized(nn.Module layer, Tensor input) =>
        nn.functional.instance_norm(input, eps: ((InstanceNorm)layer).eps);
}
