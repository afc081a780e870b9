using DpSgd.Tests.TestKit;
using FluentAssertions;
using Xunit;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace DpSgd.Tests.PerExampleGradients;

/// <summary>A forward hook of the user's can change what a convolution puts out; its loops over memory must not run over it.</summary>
public class HookedConvolutionTests
{
    public static TheoryData<string, Func<Tensor, Tensor>> Hooks => new()
    {
        { "fewer positions", y => y.narrow(2, 0, 2) },
        { "more positions", y => cat([y, y], 3) },
        { "fewer channels", y => y.narrow(1, 0, 1) },
        { "more channels", y => cat([y, y], 1) },
        { "fewer examples", y => y.narrow(0, 0, 1) },
        { "more examples", y => cat([y, y], 0) },
    };

    [Theory]
    [MemberData(nameof(Hooks))]
    public void Another_shape_is_refused(string what, Func<Tensor, Tensor> hook)
    {
        using var scope = NewDisposeScope();
        var convolution = Conv2d(2, 4, 3, bias: false);
        convolution.register_forward_hook((_, _, output) => hook(output));
        var model = Sequential(("convolution", convolution));
        using var optimizer = new DPOptimizer(optim.SGD(model.parameters(), 0.1), model, Toy.Private);
        model.call(randn(8, 2, 8, 8)).square().mean().backward();

        optimizer.Invoking(o => o.step()).Should().Throw<InvalidOperationException>(what).WithMessage("No private step was taken*");

        optimizer.Steps.Should().Be(0);
    }
}
