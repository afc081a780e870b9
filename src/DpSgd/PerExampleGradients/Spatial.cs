using static TorchSharp.torch;

namespace DpSgd.PerExampleGradients;

/// <summary>What the rules of convolutions need to say about dimensions of space, of which there are one, two or three.</summary>
internal static class Spatial
{
    /// <summary>[B, C, ...] to [B, C]: the gradient of a bias.</summary>
    public static Tensor SumOverPositions(Tensor gradient) =>
        gradient.sum(dim: [.. Enumerable.Range(2, (int)gradient.dim() - 2).Select(d => (long)d)]);

    /// <summary>Three values for up to three dimensions, with <paramref name="missing"/> for those that are not there.</summary>
    public static int[] Three(long[] values, int missing)
    {
        var three = new int[] { missing, missing, missing };
        for (var d = 1; d <= values.Length; d++)
            three[^d] = (int)values[^d];
        return three;
    }

    /// <summary>Padding as libtorch wants it: the last dimension first.</summary>
    public static long[] Sides(long[] before, long[] after) =>
        [.. Enumerable.Range(1, before.Length).SelectMany(d => new[] { before[^d], after[^d] })];
}
