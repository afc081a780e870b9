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
    public void Each_answer_is_what_the_network_says_to_one_grid_of_every_second_place()
    {
        using var scope = NewDisposeScope();
        using var noGradient = no_grad();
        using var model = EdgeModel.Create(seed: 1);
        var (window, output) = (model.get_parameter("conv.weight")!, model.get_parameter("output.weight")!);
        output.copy_(rand(output.shape, generator: new Generator(2)) - 0.5);
        var maps = rand([3, 24, 14, 14], generator: new Generator(3));
        var logits = model.call(maps);
        for (var shift = 0; shift < 4; shift++)
        {
            var grid = maps.slice(2, shift / 2, 14, 2).slice(3, shift % 2, 14, 2);
            var expected = nn.functional.conv2d(grid, window).tanh().flatten(1).matmul(output.flatten(1).t());
            (logits.select(2, shift) - expected).abs().max().ToDouble().Should().BeLessThan(1e-4);
        }
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
