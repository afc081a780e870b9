using DpSgd.Accounting;
using DpSgd.Validation;
using static TorchSharp.torch;

namespace DpSgd;

/// <summary>Says whether a model can be trained privately, before an optimizer is made.</summary>
public static class ModelValidator
{
    /// <summary>
    /// Lists all that stands in the way of training the model's unfrozen parameters privately. <see cref="DPOptimizer"/>
    /// refuses a model for the same reasons.
    /// </summary>
    /// <param name="model">The whole model. It is left as it is.</param>
    /// <param name="options">
    /// The options that it is to be trained with: rules of your own and <see cref="DPOptimizerOptions.PerMicrobatchBackward"/>
    /// make more models possible. Null for neither.
    /// </param>
    /// <returns>The problems, in the model's order; none if it can be trained.</returns>
    /// <exception cref="ArgumentNullException"><paramref name="model"/> is null.</exception>
    public static IReadOnlyList<ModelProblem> Validate(nn.Module model, DPOptimizerOptions? options = null) =>
        new ModelInspection(Guard.NotNull(model), null, options).Problems;
}
