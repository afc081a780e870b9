using System.Globalization;
using DpSgd.Accounting;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace DpSgd.PerExampleGradients;

/// <summary>Checks a layer rule against the plainest way to the same thing: one backward pass for each example.</summary>
public static class LayerRuleCheck
{
    /// <summary>
    /// Compares what the rule gives for a batch with what autograd gives for each of its examples alone. Try it on batches
    /// of several shapes, and in double precision if you can, where the tolerance is far smaller.
    /// </summary>
    /// <param name="rule">The rule.</param>
    /// <param name="layer">A layer of its type, outside any model that has a <see cref="DPOptimizer"/>.</param>
    /// <param name="inputs">What goes into it, the first dimension of each the example; at least two examples.</param>
    /// <exception cref="ArgumentException">The inputs are not a batch of at least two examples, or the layer has no parameters.</exception>
    /// <exception cref="InvalidOperationException">The rule is wrong, with the parameter and the difference; or the layer mixes the examples of a batch.</exception>
    public static void Check<TLayer>(LayerRule<TLayer> rule, TLayer layer, params Tensor[] inputs)
        where TLayer : nn.Module
    {
        Guard.NotNull(rule);
        var parameters = Guard.NotNull(layer).named_parameters(recurse: false).ToList();
        if (parameters.Count == 0)
            throw new ArgumentException($"{typeof(TLayer).Name} has no parameters of its own.", nameof(layer));
        if (Guard.NotNull(inputs).Length == 0 || inputs[0].dim() == 0 || inputs[0].shape[0] < 2 || inputs.Any(i => i.dim() == 0 || i.shape[0] != inputs[0].shape[0]))
            throw new ArgumentException("The inputs must have the same number of examples, at least two, in their first dimension.", nameof(inputs));

        using var scope = NewDisposeScope();
        using var recording = enable_grad();
        var examples = inputs[0].shape[0];
        var output = Forward(layer, inputs).detach();
        // Any gradient will do, if no two of its values are alike.
        var gradient = arange(output.numel(), dtype: ScalarType.Float64, device: output.device).add(1).sin().view(output.shape).to(output.dtype);
        var tolerance = parameters[0].parameter.dtype switch
        {
            ScalarType.Float64 => 1e-10,
            ScalarType.BFloat16 => 0.05,
            _ => 1e-4,
        };
        var alone = Enumerable.Range(0, (int)examples).Select(i => Alone(layer, parameters, inputs, output, gradient, i, tolerance)).ToList();
        using var quiet = no_grad();
        var given = Array.ConvertAll(inputs, LayerUse.Widened);
        for (var p = 0; p < parameters.Count; p++)
        {
            var (name, parameter) = parameters[p];
            var expected = stack(alone.Select(gradients => gradients[p]).ToArray());
            var difference = Difference(rule.Checked(name, layer, given, LayerUse.Widened(gradient), parameter), expected);
            if (!(difference <= tolerance))
            {
                throw new InvalidOperationException(string.Create(CultureInfo.InvariantCulture,
                    $"{rule.GetType().Name} is wrong for parameter '{name}': it differs from the gradients of single examples by {difference:G3} of their largest value."));
            }
        }
    }

    /// <summary>The gradient of each parameter from one example.</summary>
    private static List<Tensor> Alone(
        nn.Module layer, List<(string Name, Parameter Parameter)> parameters, Tensor[] inputs, Tensor output, Tensor gradient, long example, double tolerance)
    {
        var earlier = parameters.Select(p => (Gradient: p.Parameter.grad, Trained: p.Parameter.requires_grad)).ToList();
        try
        {
            foreach (var (_, parameter) in parameters)
            {
                parameter.grad = null;
                parameter.requires_grad = true;
            }
            var own = Forward(layer, Array.ConvertAll(inputs, input => input.narrow(0, example, 1).detach()));
            if (!(Difference(own.detach(), output.narrow(0, example, 1)) <= tolerance))
            {
                throw new InvalidOperationException(
                    $"{layer.GetType().Name} gives another output for an example alone than in a batch: it mixes examples or is random, and no rule can be right.");
            }
            own.backward([gradient.narrow(0, example, 1)]);
            return parameters.Select(p => p.Parameter.grad?.clone() ?? zeros_like(p.Parameter, requires_grad: false)).ToList();
        }
        finally
        {
            for (var p = 0; p < parameters.Count; p++)
                (parameters[p].Parameter.grad, parameters[p].Parameter.requires_grad) = earlier[p];
        }
    }

    /// <summary>Largest difference, as a part of the largest expected value.</summary>
    private static double Difference(Tensor actual, Tensor expected)
    {
        if (expected.numel() == 0)
            return 0;
        var size = expected.abs().max().to(ScalarType.Float64).ToDouble();
        return (actual - expected).abs().max().to(ScalarType.Float64).ToDouble() / (size == 0 ? 1 : size);
    }

    private static Tensor Forward(nn.Module layer, Tensor[] inputs) => (layer, inputs.Length) switch
    {
        (nn.Module<Tensor, Tensor> one, 1) => one.forward(inputs[0]),
        (nn.Module<Tensor, Tensor, Tensor> two, 2) => two.forward(inputs[0], inputs[1]),
        (nn.Module<Tensor, Tensor, Tensor, Tensor> three, 3) => three.forward(inputs[0], inputs[1], inputs[2]),
        _ => throw new ArgumentException($"{layer.GetType().Name} is not a layer from {inputs.Length} tensors to one.", nameof(inputs)),
    };
}
