using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace DpSgd.PerExampleGradients;

/// <summary>
/// Conv2d on inputs [B, C, H, W]: a linear map of each patch of the input, so dL/dW is, group by group, the sum over
/// output positions of dL/dy times the patch, and dL/db the sum over positions of dL/dy.
/// </summary>
internal sealed class Conv2dRule : LayerRule
{
    public override Type LayerType => typeof(Conv2d);

    public override int BatchedDimensions => 4;

    public override PerExampleGradient GradientOf(nn.Module layer, string parameter, Tensor input, Tensor outputGradient)
    {
        if (parameter == "bias")
            return new WrittenOutGradient(outputGradient.sum(dim: [2, 3]));
        var convolution = (Conv2d)layer;
        long examples = input.shape[0], groups = convolution.groups;
        var patches = Patches(convolution, input);
        var positions = patches.shape[2];

        var gradient = outputGradient.reshape(examples * groups, -1, positions)
            .bmm(patches.reshape(examples * groups, -1, positions).transpose(1, 2));
        return new WrittenOutGradient(gradient.view([examples, .. convolution.weight.shape]));
    }

    /// <summary>The patch under the kernel at each output position: [B, C * kernel height * kernel width, positions].</summary>
    private static Tensor Patches(Conv2d layer, Tensor input)
    {
        using var padded = Pad(layer, input);
        return nn.functional.unfold(padded, Pair(layer.kernel_size), Pair(layer.dilation), (0, 0), Pair(layer.stride));
    }

    private static Tensor Pad(Conv2d layer, Tensor input)
    {
        var (top, bottom) = Padding(layer, 0);
        var (left, right) = Padding(layer, 1);
        var mode = layer.padding_mode == PaddingModes.Zeros ? PaddingModes.Constant : layer.padding_mode;
        return top + bottom + left + right == 0
            ? input.alias()
            : nn.functional.pad(input, [left, right, top, bottom], mode);
    }

    /// <summary>What is added before and after along one spatial dimension; 'same' puts an odd one behind.</summary>
    private static (long Before, long After) Padding(Conv2d layer, int dimension)
    {
        if (layer.padding is { } padding)
            return (padding[dimension], padding[dimension]);
        if (layer.padding_type == TorchSharp.Padding.Valid)
            return (0, 0);
        var total = layer.dilation[dimension] * (layer.kernel_size[dimension] - 1);
        return (total / 2, total - total / 2);
    }

    private static (long, long) Pair(long[] values) => (values[0], values[1]);
}
