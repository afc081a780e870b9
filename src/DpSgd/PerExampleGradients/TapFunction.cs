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
    private const string TapKey = "tap";

    public override string Name => nameof(TapFunction);

    /// <summary>Returns <paramref name="output"/> as seen through the tap.</summary>
    /// <param name="output">The layer's output.</param>
    /// <param name="use">What the gradient is for.</param>
    /// <param name="tap">Receives the gradient.</param>
    /// <param name="anchor">A scalar that requires a gradient, so that the tap gets one even where nothing before it has.</param>
    public static Tensor Tap(Tensor output, LayerUse use, GradientTap tap, Tensor anchor) => apply(output, anchor, use, tap);

    public override Tensor forward(autograd.AutogradContext ctx, params object[] vars)
    {
        ctx.save_data(UseKey, vars[2]);
        ctx.save_data(TapKey, vars[3]);
        return (Tensor)vars[0];
    }

    public override List<Tensor> backward(autograd.AutogradContext ctx, Tensor grad_output)
    {
        var use = (LayerUse)ctx.get_data(UseKey);
        if (!((GradientTap)ctx.get_data(TapKey)).Receive(use, grad_output))
            return [grad_output, null!, null!, null!];
        // TorchSharp leaves this handle to the garbage collector, and with it the gradient; the use's own will do.
        grad_output.Dispose();
        return [use.OutputGradient, null!, null!, null!];
    }
}
