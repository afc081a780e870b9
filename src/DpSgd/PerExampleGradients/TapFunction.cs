using TorchSharp;
using static TorchSharp.torch;

namespace DpSgd.PerExampleGradients;

/// <summary>
/// The identity, whose backward pass leaves a copy of the gradient that flows through it in a <see cref="LayerUse"/>.
/// </summary>
/// <remarks>
/// TorchSharp has no backward hooks; a custom autograd function is the one place where the gradient of a layer's output
/// can be seen. Its output is a view that libtorch does not let anybody change in place, so an in-place activation behind
/// a tapped layer raises libtorch's own error rather than giving a wrong gradient.
/// </remarks>
internal sealed class TapFunction : autograd.SingleTensorFunction<TapFunction>
{
    private const string UseKey = "use";

    public override string Name => nameof(TapFunction);

    /// <summary>Returns <paramref name="output"/> as seen through the tap.</summary>
    /// <param name="output">The layer's output.</param>
    /// <param name="use">Receives the gradient.</param>
    /// <param name="anchor">
    /// A scalar that requires a gradient. It is multiplied with a slice of each of the layer's inputs, and the product is an
    /// input of this function, for two reasons: the tap gets a gradient even where nothing before it has one, and libtorch
    /// keeps the slice's version, so that a later change of the layer's input in place is refused in the backward pass.
    /// </param>
    public static Tensor Tap(Tensor output, LayerUse use, Tensor anchor)
    {
        using var scope = NewDisposeScope();
        var probe = Probe(use.Input, anchor);
        foreach (var input in use.Inputs.Take(use.Layer.Rule.FixedInputs).Skip(1))
        {
            if (input is not null)
                probe = probe.sum().add(Probe(input, anchor).sum());
        }
        return apply(output, probe, use).MoveToOuterDisposeScope();
    }

    private static Tensor Probe(Tensor input, Tensor anchor) =>
        input.detach().narrow(0, 0, Math.Min(1, input.shape[0])).mul(anchor);

    public override Tensor forward(autograd.AutogradContext ctx, params object[] vars)
    {
        ctx.save_data(UseKey, vars[2]);
        return (Tensor)vars[0];
    }

    public override List<Tensor> backward(autograd.AutogradContext ctx, Tensor grad_output)
    {
        var use = (LayerUse)ctx.get_data(UseKey);
        if (!use.Receive(grad_output))
            return [grad_output, null!, null!];
        // TorchSharp leaves this handle to the garbage collector, and with it the gradient; the use's own will do.
        grad_output.Dispose();
        return [use.OutputGradient, null!, null!];
    }
}
