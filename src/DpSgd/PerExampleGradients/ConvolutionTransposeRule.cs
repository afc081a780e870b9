using TorchSharp.Modules;
using static TorchSharp.torch;

namespace DpSgd.PerExampleGradients;

/// <summary>
/// ConvTranspose1d, 2d and 3d on inputs [B, C, ...]: each value of the input adds the kernel to a patch of the output. It is
/// a convolution backwards, so the patches are those of the output's gradient, and dL/dW is the sum over input positions
/// of the input times the patch.
/// </summary>
/// <param name="layerType">Which of the three.</param>
/// <param name="spatialDimensions">Its number of spatial dimensions.</param>
internal sealed class ConvolutionTransposeRule(Type layerType, int spatialDimensions) : LayerRule
{
    public override Type LayerType => layerType;

    internal override int BatchedDimensions(nn.Module layer) => spatialDimensions + 2;

    internal override PerExampleGradient GradientOf(string parameter, LayerUse use, Workspace workspace)
    {
        if (parameter == "bias")
            return new WrittenOutGradient(PatchProducts.SumOverPositions(use.OutputGradient));
        var layer = (ConvolutionTranspose)use.Layer.Module;
        using var padded = Pad(layer, use.Input, use.OutputGradient);
        return new WrittenOutGradient(PatchProducts.Of(layer, use.Input, padded, workspace));
    }

    /// <summary>
    /// The output's gradient with what padding took away, as zeros, and without what output padding added behind the last
    /// patch: just as long as the input's positions reach.
    /// </summary>
    private Tensor Pad(ConvolutionTranspose layer, Tensor input, Tensor gradient)
    {
        var sides = new long[2 * spatialDimensions];   // the last dimension first, as libtorch wants it
        for (var d = 0; d < spatialDimensions; d++)
        {
            var reach = (input.shape[2 + d] - 1) * layer.stride[d] + layer.dilation[d] * (layer.kernel_size[d] - 1) + 1;
            var before = layer.padding![d];
            (sides[^(2 * d + 2)], sides[^(2 * d + 1)]) = (before, reach - before - gradient.shape[2 + d]);
        }
        return nn.functional.pad(gradient, sides);
    }
}
