using TorchSharp.Modules;
using static TorchSharp.torch;

namespace DpSgd.PerExampleGradients;

/// <summary>
/// The gradient of a convolution's kernel for each example: the sum over positions of one tensor's value at the position
/// times the patch of another that the kernel sees from there.
/// </summary>
internal static class PatchProducts
{
    /// <summary>[B, then the weight's shape].</summary>
    /// <param name="layer">The convolution.</param>
    /// <param name="values">[B, channels, positions...]: what is multiplied with the patches.</param>
    /// <param name="padded">[B, channels, ...]: what the patches are taken of.</param>
    /// <param name="workspace">Memory for the patches.</param>
    public static Tensor Of(Convolution layer, Tensor values, Tensor padded, Workspace workspace)
    {
        long examples = values.shape[0], channels = padded.shape[1];
        var patches = new Patches(
            (int)channels,
            Spatial(padded.shape[2..]), Spatial(layer.kernel_size), Spatial(layer.stride), Spatial(layer.dilation));
        values = values.reshape(examples, values.shape[1], -1);
        padded = padded.contiguous();
        var perExample = patches.Length * values.shape[2] * values.element_size();
        var atATime = workspace.AtATime(examples, perExample);   // so that they are still in the cache when they are used
        var parts = new List<Tensor>();
        for (var start = 0L; start < examples; start += atATime)
        {
            using var scope = NewDisposeScope();
            var count = Math.Min(atATime, examples - start);
            var some = patches.Of(padded.narrow(0, start, count), workspace);
            parts.Add(Products(layer, values.narrow(0, start, count), some).MoveToOuterDisposeScope());
        }
        return parts.Count == 1 ? parts[0] : cat(parts, 0);
    }

    /// <summary>[B, C, ...] to [B, C]: the gradient of a bias.</summary>
    public static Tensor SumOverPositions(Tensor gradient) =>
        gradient.sum(dim: [.. Enumerable.Range(2, (int)gradient.dim() - 2).Select(d => (long)d)]);

    private static Tensor Products(Convolution layer, Tensor values, Tensor patches)
    {
        long examples = values.shape[0], positions = values.shape[2], groups = layer.groups;
        if (groups > 1)
        {
            // The channels of a group are together, in the patches as in the values.
            patches = patches.reshape(examples, positions, groups, -1).transpose(1, 2).reshape(examples * groups, positions, -1);
            values = values.reshape(examples * groups, -1, positions);
        }
        return values.bmm(patches).view([examples, .. layer.weight.shape]);
    }

    /// <summary>Three sizes for up to three spatial dimensions; those that a layer lacks have size one.</summary>
    private static int[] Spatial(long[] values)
    {
        var three = new int[] { 1, 1, 1 };
        for (var d = 1; d <= values.Length; d++)
            three[^d] = (int)values[^d];
        return three;
    }
}
