using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace DpSgd.PerExampleGradients;

/// <summary>
/// Conv1d, Conv2d and Conv3d on inputs [B, C, ...]: a linear map of each patch of the input, so dL/dW is, group by group,
/// the sum over output positions of dL/dy times the patch, and dL/db the sum over positions of dL/dy.
/// </summary>
/// <param name="layerType">Which of the three.</param>
/// <param name="spatialDimensions">Its number of spatial dimensions.</param>
internal sealed class ConvolutionRule(Type layerType, int spatialDimensions) : LayerRule
{
    public override Type LayerType => layerType;

    internal override bool WritesOut => true;

    internal override int BatchedDimensions(nn.Module layer) => spatialDimensions + 2;

    internal override PerExampleGradient GradientOf(string parameter, LayerUse use, Workspace workspace)
    {
        var layer = (Convolution)use.Layer.Module;
        if (use.OutputGradient.shape is not [_, var channels, ..] || channels != layer.out_channels)
            throw ConvolutionGradient.NotAsPutOut();
        if (parameter == "bias")
            return new WrittenOutGradient(Spatial.SumOverPositions(use.OutputGradient));
        var input = use.Input;
        var before = Enumerable.Range(0, spatialDimensions).Select(d => Padding(layer, d).Before).ToArray();
        var after = Enumerable.Range(0, spatialDimensions).Select(d => Padding(layer, d).After).ToArray();
        if (layer.padding_mode != PaddingModes.Zeros && before.Concat(after).Any(side => side > 0))
        {
            input = nn.functional.pad(input, Spatial.Sides(before, after), layer.padding_mode);
            before = after = new long[spatialDimensions];
        }
        var patches = new Patches(
            (int)input.shape[1], Spatial.Three(input.shape[2..], 1), Spatial.Three(before, 0), Spatial.Three(after, 0),
            Spatial.Three(layer.kernel_size, 1), Spatial.Three(layer.stride, 1), Spatial.Three(layer.dilation, 1));
        return new ConvolutionGradient(patches, layer.groups, use.OutputGradient, input, workspace);
    }

    /// <summary>What is added before and after along one spatial dimension; 'same' puts an odd one behind.</summary>
    private (long Before, long After) Padding(Convolution layer, int dimension)
    {
        if (layer.padding is { } padding)
            return (padding[dimension], padding[dimension]);
        if (layer.padding_type == TorchSharp.Padding.Valid)
            return (0, 0);
        // With any mode but zeros, TorchSharp gives the first dimension what the last one needs, and so on; what the
        // layer did is what counts.
        if (layer.padding_mode != PaddingModes.Zeros)
            dimension = spatialDimensions - 1 - dimension;
        var total = layer.dilation[dimension] * (layer.kernel_size[dimension] - 1);
        return (total / 2, total - total / 2);
    }
}
