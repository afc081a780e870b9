using TorchSharp.Modules;
using static TorchSharp.torch;

namespace DpSgd.PerExampleGradients;

/// <summary>
/// PReLU, y = max(0, x) + w min(0, x), with one w or one for each channel of [B, C, ...]: dL/dw is the sum over positions of
/// dL/dy min(0, x).
/// </summary>
internal sealed class PReLURule : LayerRule
{
    public override Type LayerType => typeof(PReLU);

    internal override int BatchedDimensions(nn.Module layer) => ((PReLU)layer).num_parameters == 1 ? 1 : 2;

    internal override PerExampleGradient GradientOf(string parameter, LayerUse use, Workspace workspace)
    {
        using var scope = NewDisposeScope();
        var products = use.OutputGradient * use.Input.clamp(max: 0);
        var channels = ((PReLU)use.Layer.Module).num_parameters;
        return new WrittenOutGradient(products.reshape(use.BatchSize, channels, -1).sum(dim: 2L).MoveToOuterDisposeScope());
    }
}
