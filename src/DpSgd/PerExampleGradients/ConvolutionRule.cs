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

    internal override int BatchedDimensions(nn.Module layer) => spatialDimensions + 2;

    internal override PerExampleGradient GradientOf(string parameter, LayerUse use, Workspace workspace)
    {
        var layer = (Convolution)use.Layer.Module;
        if (parameter == "bias")
            return new WrittenOutGradient(PatchProducts.SumOverPositions(use.OutputGradient));
        using var padded = Pad(layer, use.Input);
        return new WrittenOutGradient(PatchProducts.Of(layer, use.OutputGradient, padded, workspace));
    }

    private Tensor Pad(Convolution layer, Tensor input)
    {
        var sides = new long[2 * spatialDimensions];   // the last dimension first, as libtorch wants it
        for (var d = 0; d < spatialDimensions; d++)
            (sides[^(2 * d + 2)], sides[^(2 * d + 1)]) = Padding(layer, d);
        if (Array.TrueForAll(sides, side => side == 0))
            return input.alias();
        var mode = layer.padding_mode == PaddingModes.Zeros ? PaddingModes.Constant : layer.padding_mode;
        return nn.functional.pad(input, sides, mode);
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
