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
    /// <summary>Patches are made for some examples at a time, so that they are still in the cache when they are used.</summary>
    private const long PatchBytesAtATime = 4 << 20;

    public override Type LayerType => typeof(Conv2d);

    public override int BatchedDimensions => 4;

    public override PerExampleGradient GradientOf(string parameter, LayerUse use, Workspace workspace)
    {
        if (parameter == "bias")
            return new WrittenOutGradient(use.OutputGradient.sum(dim: [2, 3]));
        var convolution = (Conv2d)use.Layer.Module;
        using var padded = Pad(convolution, use.Input);
        var examples = use.BatchSize;
        var gradient = use.OutputGradient.reshape(examples, convolution.out_channels, -1);
        var perExample = PatchBytes(convolution, gradient);
        var atATime = Math.Clamp(PatchBytesAtATime / Math.Max(1, perExample), 1, examples);
        var parts = new List<Tensor>();
        for (var start = 0L; start < examples; start += atATime)
        {
            using var scope = NewDisposeScope();
            var count = Math.Min(atATime, examples - start);
            parts.Add(WeightGradients(convolution, padded.narrow(0, start, count), gradient.narrow(0, start, count), workspace).MoveToOuterDisposeScope());
        }
        return new WrittenOutGradient(parts.Count == 1 ? parts[0] : cat(parts, 0));
    }

    /// <summary>[B, then the weight's shape], from the padded input and the output's gradient [B, out, positions].</summary>
    private static Tensor WeightGradients(Conv2d layer, Tensor padded, Tensor gradient, Workspace workspace)
    {
        long examples = padded.shape[0], positions = gradient.shape[2], groups = layer.groups;
        var patches = PatchesOf(layer, padded, workspace);
        if (groups > 1)
        {
            // The channels of a group are together, in the patches as in the gradient.
            patches = patches.reshape(examples, positions, groups, -1).transpose(1, 2).reshape(examples * groups, positions, -1);
            gradient = gradient.reshape(examples * groups, -1, positions);
        }
        return gradient.bmm(patches).view([examples, .. layer.weight.shape]);
    }

    /// <summary>The patch under the kernel at each output position: [B, positions, C * kernel height * kernel width].</summary>
    private static Tensor PatchesOf(Conv2d layer, Tensor padded, Workspace workspace)
    {
        if (padded.device_type != DeviceType.CPU)
            return nn.functional.unfold(padded, Pair(layer.kernel_size), Pair(layer.dilation), (0, 0), Pair(layer.stride)).transpose(1, 2);
        var patches = new Patches(
            (int)padded.shape[1],
            [1, (int)padded.shape[2], (int)padded.shape[3]],
            [1, (int)layer.kernel_size[0], (int)layer.kernel_size[1]],
            [1, (int)layer.stride[0], (int)layer.stride[1]],
            [1, (int)layer.dilation[0], (int)layer.dilation[1]]);
        return patches.Of(padded, workspace);
    }

    private static long PatchBytes(Conv2d layer, Tensor gradient) =>
        layer.in_channels * layer.kernel_size[0] * layer.kernel_size[1] * gradient.shape[2] * gradient.element_size();

    private static Tensor Pad(Conv2d layer, Tensor input)
    {
        var (top, bottom) = Padding(layer, 0);
        var (left, right) = Padding(layer, 1);
        var mode = layer.padding_mode == PaddingModes.Zeros ? PaddingModes.Constant : layer.padding_mode;
        using var padded = top + bottom + left + right == 0
            ? input.alias()
            : nn.functional.pad(input, [left, right, top, bottom], mode);
        return padded.contiguous();
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
