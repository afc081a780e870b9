using DpSgd.Tests.TestKit;
using TorchSharp;
using static TorchSharp.torch;

namespace DpSgd.Tests.PerExampleGradients;

/// <summary>Every rule against the loop, through a whole private step: clipped sums with noise 0.</summary>
public class LayerRuleTests
{
    public static TheoryData<string, int, int, ScalarType, bool> Cases()
    {
        var data = new TheoryData<string, int, int, ScalarType, bool>();
        foreach (var layer in LayerCases.All.Keys)
        {
            foreach (var (batch, microbatch) in new[] { (1, 1), (7, 1), (10, 2), (10, 5), (7, 2), (5, 5) })
            {
                foreach (var contiguous in new[] { true, false })
                {
                    data.Add(layer, batch, microbatch, ScalarType.Float32, contiguous);
                    data.Add(layer, batch, microbatch, ScalarType.Float64, contiguous);
                }
            }
        }
        return data;
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public void Clipped_sum_is_that_of_a_loop(string name, int batch, int microbatch, ScalarType type, bool contiguous)
    {
        using var scope = NewDisposeScope();
        random.manual_seed(batch * 10 + microbatch);
        var (makeLayer, makeInputs) = LayerCases.All[name];
        var layer = makeLayer().to(type);
        var inputs = Array.ConvertAll(makeInputs(batch, type), input => Laid(input, contiguous));
        var weights = LayerCase.Normal(batch, type, LayerCase.Call(layer, inputs).shape[1..]);
        var parameters = layer.parameters().ToList();

        // The output's gradient is laid out as the output is seen here.
        Tensor Losses(Tensor?[] input, Tensor weight) =>
            (Laid(LayerCase.Call(layer, input), contiguous)!.pow(2) * weight).flatten(1).sum(dim: 1L);
        Tensor LossOf(long i) => Losses(Array.ConvertAll(inputs, input => input?.narrow(0, i, 1)), weights.narrow(0, i, 1)).sum();
        var microbatches = MicrobatchLoop.Consecutive(batch, microbatch).ToList();
        var clip = MedianNorm(parameters, LossOf, batch);
        var expected = MicrobatchLoop.ClippedSum(parameters, microbatches, LossOf, clip);

        var options = new DPOptimizerOptions { L2NormClip = clip, NoiseMultiplier = 0, MicrobatchSize = microbatch };
        var actual = PrivateStep.Gradient(layer, parameters, options, optimizer =>
        {
            Losses(inputs, weights).mean().backward();
            optimizer.step();
        });

        TensorAssert.AreClose(actual.Select(g => g * microbatches.Count).ToList(), expected, type == ScalarType.Float64 ? 1e-12 : 1e-5);
    }

    /// <summary>The same values with another order in memory, if they are not to be contiguous.</summary>
    private static Tensor? Laid(Tensor? values, bool contiguous) =>
        contiguous ? values : values?.transpose(0, -1).contiguous().transpose(0, -1);

    /// <summary>A clip norm that about half of the examples exceed.</summary>
    private static double MedianNorm(IReadOnlyList<TorchSharp.Modules.Parameter> parameters, Func<long, Tensor> loss, int batch) =>
        Enumerable.Range(0, batch)
            .Select(i => MicrobatchLoop.ClippedSum(parameters, [[i]], loss, double.MaxValue).Sum(g => g.square().sum().to_type(ScalarType.Float64).ToDouble()))
            .Order().ElementAt(batch / 2) is var median ? Math.Sqrt(median) : 0;
}
