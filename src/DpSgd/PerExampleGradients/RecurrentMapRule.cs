using DpSgd.Layers.Recurrent;
using static TorchSharp.torch;

namespace DpSgd.PerExampleGradients;

/// <summary>
/// The weights of a recurrent layer. At step t the sum of two linear maps, one of the input x[t] and one of the state
/// h[t-1], goes into the gates; with G[t] the gradient of that sum, dL/dW_ih is the sum over t of G[t] x[t]^T, dL/dW_hh
/// that of G[t] h[t-1]^T, and dL/db that of G[t]. So the whole sequence costs what a Linear layer on a sequence costs.
/// </summary>
internal sealed class RecurrentMapRule : LayerRule
{
    public override Type LayerType => typeof(RecurrentMap);

    internal override int BatchedDimensions(nn.Module layer) => 3;

    internal override int FixedInputs => 1;

    internal override PerExampleGradient GradientOf(string parameter, LayerUse use, Workspace workspace)
    {
        var gradient = parameter.EndsWith("_hh", StringComparison.Ordinal) ? HiddenGradient(use) : use.OutputGradient;
        return parameter switch
        {
            "weight_ih" => new OuterProductGradient(gradient, use.Input, workspace),
            "weight_hh" => new OuterProductGradient(gradient, use.Inputs[1]!, workspace),
            _ => new WrittenOutGradient(gradient.sum(dim: 1L)),
        };
    }

    /// <summary>In a GRU the last gate adds the mapped state only after multiplying it by the reset gate.</summary>
    private static Tensor HiddenGradient(LayerUse use)
    {
        if (use.Inputs[2] is not { } reset)
            return use.OutputGradient;
        var hidden = reset.shape[2];
        var gates = use.OutputGradient.split([2 * hidden, hidden], 2);
        return cat([gates[0], gates[1] * reset], 2);
    }
}
