using TorchSharp;
using TorchSharp.Modules;

namespace DpSgd.PerExampleGradients;

/// <summary>The layer rules that there are, by type of layer.</summary>
internal sealed class LayerRules
{
    private static readonly LayerRule[] Ours =
    [
        new LinearRule(),
        new ConvolutionRule(typeof(Conv1d), 1), new ConvolutionRule(typeof(Conv2d), 2), new ConvolutionRule(typeof(Conv3d), 3),
        new ConvolutionTransposeRule(typeof(ConvTranspose1d), 1), new ConvolutionTransposeRule(typeof(ConvTranspose2d), 2),
        new ConvolutionTransposeRule(typeof(ConvTranspose3d), 3),
        new EmbeddingRule(), new EmbeddingBagRule(),
        new BilinearRule(), new PReLURule(), new RecurrentMapRule(), new AppendedRowRule(),
        new LayerNormRule(), new GroupNormRule(),
        new InstanceNormRule(typeof(InstanceNorm1d), 1), new InstanceNormRule(typeof(InstanceNorm2d), 2),
        new InstanceNormRule(typeof(InstanceNorm3d), 3),
    ];

    private readonly Dictionary<Type, LayerRule> _rules;

    /// <param name="more">The user's own, which go before ours.</param>
    public LayerRules(IEnumerable<LayerRule> more) =>
        _rules = more.Concat(Ours).DistinctBy(rule => rule.LayerType).ToDictionary(rule => rule.LayerType);

    /// <summary>The rule for a layer, or null if there is none.</summary>
    public LayerRule? For(torch.nn.Module layer) => _rules.GetValueOrDefault(layer.GetType());

    /// <summary>Names of the layers that have a rule and that users can make, for messages.</summary>
    public string Names => string.Join(", ", _rules.Keys.Where(type => type.IsVisible).Select(type => type.Name));
}
