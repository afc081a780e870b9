using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace DpSgd.Tests.TestKit;

/// <summary>
/// What the library must agree with, in the plainest way: a separate forward and backward pass for each example, the
/// average over each microbatch, clipping of the whole, and the sum.
/// </summary>
internal static class MicrobatchLoop
{
    /// <param name="model">Called on one example at a time, as a batch of one.</param>
    /// <param name="parameters">What to take the gradient of.</param>
    /// <param name="batchSize">Number of examples.</param>
    /// <param name="microbatches">The positions in each microbatch.</param>
    /// <param name="loss">The loss of one example, a scalar.</param>
    /// <param name="clip">C.</param>
    /// <returns>The sum of the clipped averages, for each parameter.</returns>
    public static IReadOnlyList<Tensor> ClippedSum(
        IReadOnlyList<Parameter> parameters, IEnumerable<long[]> microbatches, Func<long, Tensor> loss, double clip)
    {
        var sums = parameters.Select(p => zeros_like(p, requires_grad: false)).ToList();
        foreach (var microbatch in microbatches)
        {
            var average = parameters.Select(p => zeros_like(p, requires_grad: false)).ToList();
            foreach (var example in microbatch)
            {
                using var scope = NewDisposeScope();
                foreach (var p in parameters)
                    p.grad = null;
                loss(example).backward();
                for (var i = 0; i < parameters.Count; i++)
                {
                    if (parameters[i].grad is { } gradient)
                        average[i].add_(gradient / microbatch.Length);
                }
            }
            var norm = Math.Sqrt(average.Sum(g => g.to_type(ScalarType.Float64).square().sum().ToDouble()));
            for (var i = 0; i < parameters.Count; i++)
                sums[i].add_(average[i] * Math.Min(1, clip / norm));
        }
        foreach (var p in parameters)
            p.grad = null;
        return sums;
    }

    /// <summary>Positions 0 .. n-1, <paramref name="size"/> at a time.</summary>
    public static IEnumerable<long[]> Consecutive(long batchSize, int size) =>
        Enumerable.Range(0, (int)batchSize).Select(i => (long)i).Chunk(size);
}
