using TorchSharp.Modules;
using static TorchSharp.torch;

namespace DpSgd.PerExampleGradients;

/// <summary>
/// Embedding on tokens [B, ...]: dL/dW has dL/dy of each position in the row of its token. The row of padding_idx has none.
/// </summary>
internal sealed class EmbeddingRule : LayerRule
{
    public override Type LayerType => typeof(Embedding);

    internal override int BatchedDimensions(nn.Module layer) => 1;

    internal override (string Reason, string Instead)? WhyNot(nn.Module layer) => EmbeddingTraits.WhyNot(layer);

    internal override PerExampleGradient GradientOf(string parameter, LayerUse use, Workspace workspace)
    {
        var tokens = use.Input.reshape(use.BatchSize, -1).to(ScalarType.Int64);
        var weight = use.Parameters[0].Parameter;
        var rows = use.OutputGradient.reshape([.. tokens.shape, weight.shape[1]]);
        if (EmbeddingTraits.Of(use.Layer.Module).PaddingIndex is { } padding)
            rows = rows.masked_fill(tokens.eq(padding).unsqueeze(2), 0);
        return new RowGradient(tokens, rows, null, weight.shape[0], workspace);
    }
}
