using TorchSharp.Modules;
using static TorchSharp.torch;

namespace DpSgd.PerExampleGradients;

/// <summary>GroupNorm on inputs [B, C, ...].</summary>
internal sealed class GroupNormRule : NormalizationRule
{
    public override Type LayerType => typeof(GroupNorm);

    internal override int BatchedDimensions(nn.Module layer) => 3;

    protected override Tensor Normalized(nn.Module layer, Tensor input)
    {
        var norm = (GroupNorm)layer;
        return nn.functional.group_norm(input, norm.num_groups, eps: norm.eps);
    }
}
