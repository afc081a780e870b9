using MnistCnn.Recipes;
using TorchSharp;
using static TorchSharp.torch;

namespace MnistCnn.Tests.Recipes;

public sealed class EdgeModelTests
{
    [Fact]
    public void It_has_14954_parameters_and_begins_without_an_opinion()
    {
        using var scope = NewDisposeScope();
        using var model = EdgeModel.Create(seed: 1);
        model.parameters().Sum(parameter => parameter.numel()).Should().Be(14_954);
        var logits = model.call(rand(5, 24, 14, 14));
        logits.shape.Should().Equal(5, 10, 4);
        logits.abs().max().ToDouble().Should().Be(0);
    }

    [Fact]
    public void The_seed_alone_decides_the_convolution()
    {
        random.manual_seed(1);
        var weights = Weights(7);
        random.manual_seed(2);
        Weights(7).Should().Equal(weights);
        Weights(8).Should().NotEqual(weights);
    }

    private static float[] Weights(long seed)
    {
        using var scope = NewDisposeScope();
        using var model = EdgeModel.Create(seed);
        return [.. model.get_parameter("conv.weight")!.detach().data<float>()];
    }
}
