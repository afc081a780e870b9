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

    internal override bool WritesOut => true;

    internal override int BatchedDimensions(nn.Module layer) => spatialDimensions + 2;

    internal override PerExampleGradient GradientOf(string parameter, LayerUse use, Workspace workspace)
    {
        var layer = (ConvolutionTranspose)use.Layer.Module;
        if (use.OutputGradient.shape is not [_, var channels, ..] || channels != layer.out_channels)
            throw ConvolutionGradient.NotAsPutOut();
        if (parameter == "bias")
            return new WrittenOutGradient(Spatial.SumOverPositions(use.OutputGradient));
        var gradient = Pad(layer, use.Input, use.OutputGradient);
        var patches = new Patches(
            (int)gradient.shape[1], Spatial.Three(gradient.shape[2..], 1), [0, 0, 0], [0, 0, 0],
            Spatial.Three(layer.kernel_size, 1), Spatial.Three(layer.stride, 1), Spatial.Three(layer.dilation, 1));
        return new ConvolutionGradient(patches, layer.groups, use.Input, gradient, workspace);
    }

    /// <summary>
    /// The output's gradient with what padding took away, as zeros, and without what output padding added behind the last
    /// patch: just as long as the input's positions reach.
    /// </summary>
    private Tensor Pad(ConvolutionTranspose layer, Tensor input, Tensor gradient)
    {
        var before = new long[spatialDimensions];
        var after = new long[spatialDimensions];
        for (var d = 0; d < spatialDimensions; d++)
        {
            var reach = (input.shape[2 + d] - 1) * layer.stride[d] + layer.dilation[d] * (layer.kernel_size[d] - 1) + 1;
            before[d] = layer.padding![d];
            after[d] = reach - before[d] - gradient.shape[2 + d];
        }
        return nn.functional.pad(gradient, Spatial.Sides(before, after));
    }
}
