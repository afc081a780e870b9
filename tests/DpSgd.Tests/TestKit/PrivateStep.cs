using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace DpSgd.Tests.TestKit;

/// <summary>Reads the gradient that a private step shows to the inner optimizer.</summary>
internal static class PrivateStep
{
    /// <summary>Takes one step with SGD at learning rate 1, undoes it, and returns minus the change: the private gradient.</summary>
    public static IReadOnlyList<Tensor> Gradient(
        nn.Module model, IReadOnlyList<Parameter> parameters, DPOptimizerOptions options, Action<DPOptimizer> forwardBackwardStep)
    {
        var before = parameters.Select(p => p.detach().clone()).ToList();
        using (var optimizer = new DPOptimizer(new GradientReader(parameters), model, options))
            forwardBackwardStep(optimizer);
        using var noGradient = no_grad();
        var gradients = new List<Tensor>();
        for (var i = 0; i < parameters.Count; i++)
        {
            gradients.Add(parameters[i].detach().clone());
            parameters[i].copy_(before[i]);
        }
        return gradients;
    }

    /// <summary>An optimizer that replaces each parameter by its gradient, so that no digit of it is lost.</summary>
    private sealed class GradientReader : OptimizerHelper
    {
        private readonly IReadOnlyList<Parameter> _parameters;

        public GradientReader(IReadOnlyList<Parameter> parameters)
        {
            _parameters = parameters;
            _parameter_groups = [];
        }

        public override IEnumerable<Parameter> parameters() => _parameters;

        public override Tensor step(Func<Tensor>? closure = null)
        {
            using var noGradient = no_grad();
            foreach (var parameter in _parameters)
            {
                if (parameter.grad is { } gradient)
                    parameter.copy_(gradient);
            }
            return null!;
        }
    }
}
