using System.Runtime.CompilerServices;
using TorchSharp;
using static TorchSharp.torch;

namespace DpSgd.PerExampleGradients;

/// <summary>What an Embedding or EmbeddingBag was made with.</summary>
/// <param name="PaddingIndex">The row that gets no gradient, or null.</param>
/// <param name="ScalesByFrequency">scale_grad_by_freq: a token's gradient is divided by how often the whole batch has it.</param>
/// <param name="Mode">How a bag is reduced.</param>
internal sealed record EmbeddingTraits(long? PaddingIndex, bool ScalesByFrequency, EmbeddingBagMode Mode)
{
    private static readonly ConditionalWeakTable<nn.Module, EmbeddingTraits> Known = [];

    /// <summary>Found out at the first question about a layer.</summary>
    public static EmbeddingTraits Of(nn.Module layer) => Known.GetValue(layer, EmbeddingProbe.Traits);

    /// <summary>Why the layer cannot be trained privately, and what to do instead; null if it can.</summary>
    public static (string Reason, string Instead)? WhyNot(nn.Module layer)
    {
        if (!EmbeddingProbe.UsesItsParameter(layer))
        {
            return (
                "was made from_pretrained, of which TorchSharp lists another tensor as the parameter than the one that it uses, so that no optimizer can train it",
                "make it with its sizes, and then set layer.weight = Parameter(table)");
        }
        return Of(layer) switch
        {
            { ScalesByFrequency: true } => (
                "has scale_grad_by_freq, which makes one example's gradient depend on the tokens of the others", "make it without"),
            { Mode: EmbeddingBagMode.Max } => ("has mode Max, for which there is no rule", "use Sum or Mean"),
            _ => null,
        };
    }
}
