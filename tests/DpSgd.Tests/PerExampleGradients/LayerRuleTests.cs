using DpSgd.Tests.TestKit;
using TorchSharp;
using static TorchSharp.torch;

namespace DpSgd.Tests.PerExampleGradients;

/// <summary>Every rule against the loop, through a whole private step: clipped sums with noise 0.</summary>
public class LayerRuleTests
{
    public static TheoryData<string, int, int, ScalarType> Cases()
    {
        var data = new TheoryData<string, int, int, ScalarType>();
        foreach (var layer in Layers.Keys)
        {
            foreach (var (batch, microbatch) in new[] { (1, 1), (7, 1), (10, 2), (10, 5), (7, 2), (5, 5) })
            {
                data.Add(layer, batch, microbatch, ScalarType.Float32);
                data.Add(layer, batch, microbatch, ScalarType.Float64);
            }
        }
        return data;
    }

    /// <summary>A layer, and the shape of one example.</summary>
    private static readonly Dictionary<string, (Func<nn.Module<Tensor, Tensor>> Layer, long[] Example)> Layers = new()
    {
        ["Linear"] = (() => nn.Linear(6, 4), [6]),
        ["Linear without bias"] = (() => nn.Linear(6, 4, hasBias: false), [6]),
        ["Linear on a sequence"] = (() => nn.Linear(6, 4), [3, 6]),
        ["Linear on a long sequence"] = (() => nn.Linear(2, 3), [40, 2]),
        ["Linear on a short sequence"] = (() => nn.Linear(40, 50), [2, 40]),
        ["Linear on an image"] = (() => nn.Linear(5, 4), [2, 3, 5]),
        ["Conv2d"] = (() => nn.Conv2d(3, 4, 3), [3, 8, 7]),
        ["Conv2d without bias"] = (() => nn.Conv2d(3, 4, 3, bias: false), [3, 6, 6]),
        ["Conv2d with stride"] = (() => nn.Conv2d(2, 4, (3, 2), stride: (2, 3)), [2, 9, 8]),
        ["Conv2d with padding"] = (() => nn.Conv2d(2, 4, (3, 5), padding: (1, 2)), [2, 6, 6]),
        ["Conv2d with stride and padding that do not fit"] = (() => nn.Conv2d(1, 2, 8, stride: 2, padding: 3), [1, 29, 28]),
        ["Conv2d 'same'"] = (() => nn.Conv2d(2, 3, (4, 3), padding: Padding.Same), [2, 6, 7]),
        ["Conv2d 'same' with dilation"] = (() => nn.Conv2d(2, 3, (2, 4), padding: Padding.Same, dilation: (3, 1)), [2, 8, 7]),
        ["Conv2d 'valid'"] = (() => nn.Conv2d(2, 3, (2, 3), padding: Padding.Valid), [2, 5, 5]),
        ["Conv2d with dilation"] = (() => nn.Conv2d(2, 3, (3, 2), dilation: (2, 3)), [2, 8, 9]),
        ["Conv2d in groups"] = (() => nn.Conv2d(6, 9, 3, groups: 3), [6, 5, 5]),
        ["Conv2d depthwise"] = (() => nn.Conv2d(4, 8, 3, groups: 4, padding: 1), [4, 5, 5]),
        ["Conv2d reflect"] = (() => nn.Conv2d(2, 3, (3, 5), padding: (1, 2), padding_mode: PaddingModes.Reflect), [2, 6, 7]),
        ["Conv2d replicate"] = (() => nn.Conv2d(2, 3, 3, padding: 2, padding_mode: PaddingModes.Replicate), [2, 6, 7]),
        ["Conv2d circular"] = (() => nn.Conv2d(2, 3, (3, 5), padding: (1, 2), stride: (2, 2), padding_mode: PaddingModes.Circular), [2, 6, 7]),
        ["Conv2d 1x1"] = (() => nn.Conv2d(3, 5, 1), [3, 4, 4]),
    };

    [Theory]
    [MemberData(nameof(Cases))]
    public void Clipped_sum_is_that_of_a_loop(string name, int batch, int microbatch, ScalarType type)
    {
        using var scope = NewDisposeScope();
        random.manual_seed(batch * 10 + microbatch);
        var (makeLayer, shape) = Layers[name];
        var layer = makeLayer().to(type);
        // Examples of different length, so that some gradients are clipped and some are not.
        var x = randn([batch, .. shape], dtype: type) * linspace(0.1, 2, batch, dtype: type).view([batch, .. shape.Select(_ => 1L)]);
        var weights = randn(layer.call(x).shape, dtype: type);
        var parameters = layer.parameters().ToList();

        Tensor Losses(Tensor input, Tensor weight) => (layer.call(input).pow(2) * weight).flatten(1).sum(dim: 1L);
        Tensor LossOf(long i) => Losses(x.narrow(0, i, 1), weights.narrow(0, i, 1)).sum();
        var microbatches = MicrobatchLoop.Consecutive(batch, microbatch).ToList();
        var clip = MedianNorm(parameters, LossOf, batch);
        var expected = MicrobatchLoop.ClippedSum(parameters, microbatches, LossOf, clip);

        var options = new DPOptimizerOptions { L2NormClip = clip, NoiseMultiplier = 0, MicrobatchSize = microbatch };
        var actual = PrivateStep.Gradient(layer, parameters, options, optimizer =>
        {
            Losses(x, weights).mean().backward();
            optimizer.step();
        });

        TensorAssert.AreClose(actual.Select(g => g * microbatches.Count).ToList(), expected, type == ScalarType.Float64 ? 1e-12 : 1e-5);
    }

    /// <summary>A clip norm that about half of the examples exceed.</summary>
    private static double MedianNorm(IReadOnlyList<TorchSharp.Modules.Parameter> parameters, Func<long, Tensor> loss, int batch) =>
        Enumerable.Range(0, batch)
            .Select(i => MicrobatchLoop.ClippedSum(parameters, [[i]], loss, double.MaxValue).Sum(g => g.square().sum().to_type(ScalarType.Float64).ToDouble()))
            .Order().ElementAt(batch / 2) is var median ? Math.Sqrt(median) : 0;
}
