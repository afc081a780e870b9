using TorchSharp;
using static TorchSharp.torch;

namespace DpSgd.PerExampleGradients;

/// <summary>
/// A rule for a module of your own: says what the gradient of its parameters is for each example. Give it to
/// <see cref="DPOptimizerOptions.LayerRules"/>, and check it with <see cref="LayerRuleCheck"/>.
/// </summary>
/// <typeparam name="TLayer">
/// The module, which makes one tensor from one, two or three. Its own parameters are what the rule is for; modules within
/// it have rules of their own.
/// </typeparam>
/// <example>
/// A layer that multiplies each feature with a parameter, y = x * scale on inputs [B, ..., features]:
/// <code>
/// class ScaleRule : LayerRule&lt;Scale&gt;
/// {
///     protected override Tensor PerExampleGradients(string parameter, Scale layer, IReadOnlyList&lt;Tensor?&gt; inputs, Tensor outputGradient)
///     {
///         var products = inputs[0] * outputGradient;                                   // [B, ..., features]
///         return products.reshape(products.shape[0], -1, products.shape[^1]).sum(dim: 1L);   // [B, features]
///     }
/// }
///
/// LayerRuleCheck.Check(new ScaleRule(), new Scale(5), randn(8, 3, 5));                 // throws if it is wrong
/// var options = new DPOptimizerOptions { L2NormClip = 1, NoiseMultiplier = 1, LayerRules = [new ScaleRule()] };
/// </code>
/// </example>
public abstract class LayerRule<TLayer> : LayerRule
    where TLayer : nn.Module
{
    /// <inheritdoc/>
    public sealed override Type LayerType => typeof(TLayer);

    /// <summary>The gradient of one parameter for each example. It must be exact, since the privacy rests on it.</summary>
    /// <param name="parameter">Name of the parameter within the layer.</param>
    /// <param name="layer">The layer.</param>
    /// <param name="inputs">What went in, the first dimension of each the example; null where an input was left out. Do not change them.</param>
    /// <param name="outputGradient">
    /// Gradient of the loss with respect to what came out, the first dimension the example. Do not change it. Where the layer is of
    /// 16 bit floats, it and the inputs are of 32: bring the parameters to its type too, <c>layer.weight.to(outputGradient.dtype)</c>.
    /// </param>
    /// <returns>
    /// [B, then the parameter's shape], of the type of <paramref name="outputGradient"/>. Tensors made on the way need not be disposed: it is called in a dispose scope, and
    /// without gradients being recorded.
    /// </returns>
    protected abstract Tensor PerExampleGradients(string parameter, TLayer layer, IReadOnlyList<Tensor?> inputs, Tensor outputGradient);

    internal sealed override PerExampleGradient GradientOf(string parameter, LayerUse use, Workspace workspace) =>
        new WrittenOutGradient(Checked(
            parameter, (TLayer)use.Layer.Module, use.Inputs, use.OutputGradient, use.Parameters.Single(p => p.Name == parameter).Parameter));

    internal sealed override int BatchedDimensions(nn.Module layer) => 1;

    /// <summary>The rule's answer, refused where its shape cannot be right.</summary>
    internal Tensor Checked(string parameter, TLayer layer, IReadOnlyList<Tensor?> inputs, Tensor outputGradient, Tensor value)
    {
        using var scope = NewDisposeScope();
        var gradients = PerExampleGradients(parameter, layer, inputs, outputGradient);
        long[] expected = [outputGradient.shape[0], .. value.shape];
        if (gradients is null || !gradients.shape.SequenceEqual(expected))
        {
            throw new InvalidOperationException(
                $"{GetType().Name} gave for parameter '{parameter}' {(gradients is null ? "null" : $"a tensor of shape {Text(gradients.shape)}")}, " +
                $"where the gradients of {expected[0]} examples have shape {Text(expected)}.");
        }
        if (gradients.dtype != outputGradient.dtype)
        {
            throw new InvalidOperationException(
                $"{GetType().Name} gave for parameter '{parameter}' numbers of type {gradients.dtype}, where the gradient of the output is of {outputGradient.dtype}. " +
                "Compute in that type: layer.weight.to(outputGradient.dtype).");
        }
        return gradients.MoveToOuterDisposeScope();
    }

    private static string Text(long[] shape) => $"[{string.Join(", ", shape)}]";
}
