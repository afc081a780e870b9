using DpSgd.PerExampleGradients;
using DpSgd.Tests.TestKit;
using FluentAssertions;
using TorchSharp;
using Xunit;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace DpSgd.Tests.PerExampleGradients;

/// <summary>Which gradients are written out in the backward pass, so that the gradient of the layer's output need not stay until the step.</summary>
public class WriteOutTests
{
    private const long MiB = 1 << 20;

    public static TheoryData<string, Func<Module<Tensor, Tensor>>, long[], long, bool> Layers => new()
    {
        { "more positions than weights", () => Conv2d(3, 8, 3), [3, 16, 16], 0, true },
        { "some more weights than positions, and room for them", () => Conv2d(16, 8, 3), [16, 10, 10], MiB, true },
        { "some more weights than positions, and no room", () => Conv2d(16, 8, 3), [16, 10, 10], 1, false },
        { "far more weights than positions", () => Conv2d(64, 8, 3), [64, 6, 6], 100 * MiB, false },
        { "transposed", () => ConvTranspose2d(3, 8, 3), [3, 16, 16], 0, true },
        { "a norm", () => LayerNorm(8), [20, 8], 0, true },
        { "linear layers never", () => Linear(4, 4), [100, 4], 100 * MiB, false },
    };

    [Theory]
    [MemberData(nameof(Layers))]
    public void Where_it_saves_memory(string what, Func<Module<Tensor, Tensor>> make, long[] shape, long budget, bool expected)
    {
        using var scope = NewDisposeScope();
        random.manual_seed(3);
        var layer = make();
        var input = randn([4, .. shape]);
        using var output = layer.forward(input);
        var gradient = randn_like(output, requires_grad: false);
        using var workspace = new Workspace(budget);
        using var anchor = zeros([], requires_grad: true);
        var parameters = layer.named_parameters().Select(p => (p.name, p.parameter)).ToList();
        var rule = new LayerRules([]).For(layer)!;
        using var noGradient = no_grad();
        using var use = new LayerUse(new TappedLayer("layer", layer, rule, parameters), parameters, inModel: true, [input], anchor);
        use.Receive(gradient);
        var atTheStep = parameters.Select(p => use.GradientOf(p.name, workspace).WriteOut().flatten(1).clone()).ToList();
        workspace.Release();

        use.WriteOut(workspace).Should().Be(expected, what);

        if (expected)
        {
            use.ForgetOutputGradient();
            use.Invoking(u => u.OutputGradient).Should().Throw<InvalidOperationException>();
        }
        use.HasGradient.Should().BeTrue();
        TensorAssert.AreClose(parameters.Select(p => use.GradientOf(p.name, workspace).WriteOut().flatten(1)).ToList(), atTheStep, 1e-6);
    }

    /// <summary>
    /// libtorch still reads the gradient of the layer that it has just been given back. Of the layers before, what is alive
    /// is the input, its probe, the gradients of weight and bias and the memory that the former are in, but not the gradient of
    /// the output.
    /// </summary>
    [Fact]
    public void The_tap_lets_go_of_the_gradients_of_outputs() => (AliveAfterBackward(5) - AliveAfterBackward(2)).Should().Be(3 * 5);

    /// <summary>An exception in the backward pass would end the process.</summary>
    [Fact]
    public void A_backward_pass_after_the_model_was_moved_is_refused_at_the_step()
    {
        using var scope = NewDisposeScope();
        var model = Sequential(("convolution", Conv2d(1, 2, 3)), ("activation", Tanh()), ("norm", LayerNorm([2, 6, 6])));
        using var optimizer = new DPOptimizer(optim.SGD(model.parameters(), 0.01), model, Toy.Private);
        var loss = model.call(randn(4, 1, 8, 8)).square().mean();
        model.to(ScalarType.Float64);

        loss.backward();

        optimizer.Invoking(o => o.step()).Should().Throw<InvalidOperationException>();
        optimizer.Steps.Should().Be(0);
    }

    private static long AliveAfterBackward(int layers)
    {
        using var scope = NewDisposeScope();
        var model = Sequential(Enumerable.Range(0, layers).Select(i => ($"{i}", (Module<Tensor, Tensor>)Conv1d(1, 1, 3))));
        using var optimizer = new DPOptimizer(optim.SGD(model.parameters(), 0.01), model, Toy.Private);
        var x = randn(4, 1, 64);
        var before = LiveTensors.Settled();
        using (var inner = NewDisposeScope())
            model.call(x).square().mean().backward();
        return LiveTensors.Settled() - before;
    }
}
