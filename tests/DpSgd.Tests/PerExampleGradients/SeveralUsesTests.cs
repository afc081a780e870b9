using DpSgd.Tests.TestKit;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace DpSgd.Tests.PerExampleGradients;

/// <summary>A layer called at many steps, as recurrent models call theirs, is one gradient of many terms.</summary>
public class SeveralUsesTests
{
    [Theory]
    [InlineData(2, 1), InlineData(30, 1), InlineData(5, 3)]
    public void Uses_are_summed_before_the_norm(int steps, int microbatch)
    {
        using var scope = NewDisposeScope();
        random.manual_seed(1);
        var model = new Recurrence(steps);
        model.to(ScalarType.Float64);
        var parameters = model.parameters().ToList();
        var x = randn([6, 4], dtype: ScalarType.Float64);
        var pieces = MicrobatchLoop.Consecutive(6, microbatch).ToList();
        var expected = MicrobatchLoop.ClippedSum(parameters, pieces, i => model.forward(x.narrow(0, i, 1)).sum(), 0.5);
        var options = new DPOptimizerOptions { L2NormClip = 0.5, NoiseMultiplier = 0, MicrobatchSize = microbatch };
        var actual = PrivateStep.Gradient(model, parameters, options, optimizer =>
        {
            model.call(x).mean().backward();
            optimizer.step();
        });
        TensorAssert.AreClose(actual.Select(g => g * pieces.Count).ToList(), expected, 1e-12);
    }

    private sealed class Recurrence : nn.Module<Tensor, Tensor>
    {
        private readonly int _steps;
        private readonly Linear _map = nn.Linear(4, 4);

        public Recurrence(int steps)
            : base(nameof(Recurrence))
        {
            _steps = steps;
            RegisterComponents();
        }

        public override Tensor forward(Tensor input)
        {
            var state = input;
            for (var i = 0; i < _steps; i++)
                state = (_map.call(state) + input).tanh();
            return state.square().sum(dim: 1L);
        }
    }
}
