using TorchSharp;

namespace DpSgd.PerExampleGradients;

/// <summary>The layer rules that there are, by type of layer.</summary>
internal static class LayerRules
{
    private static readonly Dictionary<Type, LayerRule> Rules =
        new LayerRule[] { new LinearRule(), new Conv2dRule(), new RecurrentMapRule() }.ToDictionary(rule => rule.LayerType);

    /// <summary>The rule for a layer, or null if there is none.</summary>
    public static LayerRule? For(torch.nn.Module layer) => Rules.GetValueOrDefault(layer.GetType());

    /// <summary>Names of the layers that have a rule, for messages.</summary>
    public static string Names => string.Join(", ", Rules.Keys.Select(type => type.Name));
}
