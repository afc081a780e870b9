using TorchSharp;
using static TorchSharp.torch;

namespace DpSgd.Tests.PerExampleGradients;

/// <summary>A layer, and what goes into it.</summary>
/// <param name="Layer">Makes the layer.</param>
/// <param name="Inputs">Makes the inputs of a batch, the example first, from its size and a type.</param>
public sealed record LayerCase(Func<nn.Module> Layer, Func<long, ScalarType, Tensor?[]> Inputs)
{
    /// <summary>A layer from one tensor of real numbers.</summary>
    public LayerCase(Func<nn.Module> layer, params long[] example)
        : this(layer, (batch, type) => [Normal(batch, type, example)])
    {
    }

    /// <summary>Normal values, longer in some examples than in others, so that some gradients are clipped and some are not.</summary>
    public static Tensor Normal(long batch, ScalarType type, params long[] example) =>
        randn([batch, .. example], dtype: type) * linspace(0.1, 2, batch, dtype: type).view([batch, .. example.Select(_ => 1L)]);

    /// <summary>Token numbers: few enough that most occur several times.</summary>
    public static Tensor Tokens(long batch, long vocabulary, params long[] example) => randint(vocabulary, [batch, .. example]);

    public static Tensor Call(nn.Module layer, Tensor?[] inputs) => layer switch
    {
        TorchSharp.Modules.EmbeddingBag bag => bag.call(inputs[0]!, inputs[1], inputs[2]),
        nn.Module<Tensor, Tensor> one => one.call(inputs[0]!),
        nn.Module<Tensor, Tensor, Tensor> two => two.call(inputs[0]!, inputs[1]!),
        _ => throw new ArgumentException(layer.GetType().Name),
    };
}
