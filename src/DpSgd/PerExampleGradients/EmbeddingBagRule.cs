using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace DpSgd.PerExampleGradients;

/// <summary>
/// EmbeddingBag on tokens [B, T], sum or mean, with or without weights for the tokens: each token's row has dL/dy times the
/// token's weight in its bag. The row of padding_index has none, and does not count in the mean.
/// </summary>
internal sealed class EmbeddingBagRule : LayerRule
{
    public override Type LayerType => typeof(EmbeddingBag);

    /// <summary>Two: where the bags are of different length, one behind the other, the first dimension is not the example.</summary>
    internal override int BatchedDimensions(nn.Module layer) => 2;

    internal override (string Reason, string Instead)? WhyNot(nn.Module layer) => EmbeddingTraits.WhyNot(layer);

    internal override PerExampleGradient GradientOf(string parameter, LayerUse use, Workspace workspace)
    {
        var gradient = use.OutputGradient;
        var tokens = use.Input.to(ScalarType.Int64);
        var traits = EmbeddingTraits.Of(use.Layer.Module);
        var counted = traits.PaddingIndex is { } padding ? tokens.ne(padding).to(gradient.dtype) : ones_like(tokens, gradient.dtype);
        var weights = use.Inputs[2] is { } given ? counted * given : counted;
        if (traits.Mode == EmbeddingBagMode.Mean)
            weights = weights / counted.sum(dim: 1L, keepdim: true).clamp(min: 1);
        // A token without gradient stays so, whatever its weight.
        weights = weights.masked_fill(counted.eq(0), 0);
        return new RowGradient(tokens, gradient.unsqueeze(1), weights, use.Parameters[0].Parameter.shape[0], workspace);
    }
}
