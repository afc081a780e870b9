using TorchSharp;
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

    /// <summary>
    /// Positions that all examples share have as many rows as the batch has examples if a sequence happens to be as long: each
    /// row's gradient would be the sum over all examples, and be clipped as one example's.
    /// </summary>
    internal override string? WhyNotExamples(LayerUse use)
    {
        const int longerThanChance = 8;
        if (use.Input.dim() != 1 || use.BatchSize < longerThanChance)
            return null;
        using var onHost = use.Input.to(ScalarType.Int64, CPU);
        var tokens = onHost.data<long>().ToArray();
        return tokens.Zip(tokens.Skip(1)).All(pair => pair.Second == pair.First + 1)
            ? $"was given the numbers from {tokens[0]} to {tokens[^1]} in their order, which are positions of all examples rather than one token of each (if they are tokens, give it tokens.unsqueeze(1))"
            : null;
    }

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
