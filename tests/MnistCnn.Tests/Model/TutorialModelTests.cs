using MnistCnn.Model;
using TorchSharp;
using static TorchSharp.torch;

namespace MnistCnn.Tests.Model;

public sealed class TutorialModelTests
{
    [Fact]
    public void Each_layer_has_the_tutorials_shape()
    {
        using var scope = NewDisposeScope();
        using var model = TutorialModel.Create(seed: 1);
        var shapes = new List<string>();
        var value = zeros(7, 1, 28, 28);
        foreach (var (name, layer) in model.named_children())
        {
            value = ((nn.Module<Tensor, Tensor>)layer).call(value);
            shapes.Add($"{name} {string.Join(' ', value.shape)}");
        }
        shapes.Should().Equal(
            "conv1 7 16 14 14", "relu1 7 16 14 14", "pool1 7 16 13 13",
            "conv2 7 32 5 5", "relu2 7 32 5 5", "pool2 7 32 4 4",
            "flatten 7 512", "dense1 7 32", "relu3 7 32", "dense2 7 10");
    }

    [Fact]
    public void It_has_26010_parameters()
    {
        using var model = TutorialModel.Create(seed: 1);
        model.parameters().Sum(parameter => parameter.numel()).Should().Be(26_010);
    }

    [Fact]
    public void The_seed_alone_decides_the_weights()
    {
        random.manual_seed(1);
        var weights = Weights(7);
        random.manual_seed(2);
        Weights(7).Should().Equal(weights);
        Weights(8).Should().NotEqual(weights);
    }

    [Fact]
    public void Weights_are_Glorot_uniform_and_biases_zero()
    {
        using var scope = NewDisposeScope();
        using var model = TutorialModel.Create(seed: 3);
        var fans = new Dictionary<string, double> { ["conv1"] = 64 + 16 * 64, ["conv2"] = 16 * 16 + 32 * 16, ["dense1"] = 512 + 32, ["dense2"] = 32 + 10 };
        foreach (var (layer, fan) in fans)
        {
            var limit = Math.Sqrt(6 / fan);
            var weight = model.get_parameter($"{layer}.weight")!;
            weight.abs().max().ToDouble().Should().BeInRange(0.95 * limit, limit * 1.000001);
            // The standard deviation of a uniform distribution, within five standard errors.
            weight.std().ToDouble().Should().BeApproximately(limit / Math.Sqrt(3), 5 * 0.45 * limit / Math.Sqrt(weight.numel()));
            model.get_parameter($"{layer}.bias")!.abs().max().ToDouble().Should().Be(0);
        }
    }

    private static float[] Weights(long seed)
    {
        using var scope = NewDisposeScope();
        using var model = TutorialModel.Create(seed);
        return [.. model.parameters().SelectMany(parameter => parameter.detach().data<float>().ToArray())];
    }
}
