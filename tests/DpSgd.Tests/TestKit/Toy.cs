using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace DpSgd.Tests.TestKit;

/// <summary>A small classification problem and models for it.</summary>
internal static class Toy
{
    public const int Features = 4;
    public const int Classes = 3;

    /// <summary>Options without noise, with a clip norm that nothing reaches.</summary>
    public static DPOptimizerOptions NoPrivacy => new() { L2NormClip = 1e9, NoiseMultiplier = 0 };

    /// <summary>Ordinary options.</summary>
    public static DPOptimizerOptions Private => new() { L2NormClip = 1, NoiseMultiplier = 1 };

    public static Sequential Model(int seed = 1, ScalarType type = ScalarType.Float64)
    {
        random.manual_seed(seed);
        return Sequential(("first", Linear(Features, 8)), ("activation", Tanh()), ("second", Linear(8, Classes))).to(type);
    }

    public static (Tensor X, Tensor Y) Batch(int size, int seed = 2, ScalarType type = ScalarType.Float64)
    {
        random.manual_seed(seed);
        var x = randn([size, Features], dtype: type);
        return (x, x.narrow(1, 0, Classes).argmax(1));
    }

    public static Tensor Loss(Module<Tensor, Tensor> model, Tensor x, Tensor y, Reduction reduction = Reduction.Mean) =>
        functional.cross_entropy(model.call(x), y, reduction: reduction);

    public static void Backward(Module<Tensor, Tensor> model, Tensor x, Tensor y) => Loss(model, x, y).backward();

    public static IReadOnlyList<Tensor> Weights(Module model) => model.parameters().Select(p => p.detach().clone()).ToList();

    public static void ShouldBeUnchanged(this Module model, IReadOnlyList<Tensor> before)
    {
        foreach (var (parameter, old) in model.parameters().Zip(before))
            parameter.detach().equal(old).all().ToBoolean().Should().BeTrue();
    }
}
