using DpSgd.ML.Training;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace DpSgd.ML.Tests.Training;

public class ManagedAdamTests
{
    [Fact]
    public void It_takes_the_steps_that_TorchSharps_takes()
    {
        using var scope = NewDisposeScope();
        var start = randn(7, 5, generator: new Generator(1));
        var (ours, theirs, bias) = (new Parameter(start.clone()), new Parameter(start.clone()), new Parameter(zeros(3)));
        using var managed = new ManagedAdam([ours, bias], 0.05);
        using var native = optim.Adam([theirs], 0.05);
        var generator = new Generator(2);
        for (var i = 0; i < 200; i++)
        {
            var gradient = randn(7, 5, generator: generator) + 0.3 * i / 200;
            ours.grad = gradient;
            theirs.grad = gradient;
            managed.step();
            native.step();
        }
        ours.allclose(theirs, rtol: 1e-4, atol: 1e-5).Should().BeTrue();
        ours.allclose(start, rtol: 0.1).Should().BeFalse("the weights moved");
        bias.data<float>().ToArray().Should().Equal([0, 0, 0], "it had no gradient");
    }
}
