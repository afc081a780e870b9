using TorchSharp;
using TorchSharp.Modules;

namespace DpSgd.PerExampleGradients;

/// <summary>The layer rules that there are, by type of layer.</summary>
internal static class LayerRules
{
    private static readonly Dictionary<Type, LayerRule> Rules = new LayerRule[]
    {
        new LinearRule(),
        new ConvolutionRule(typeof(Conv1d), 1), new ConvolutionRule(typeof(Conv2d), 2), new ConvolutionRule(typeof(Conv3d), 3),
        new ConvolutionTransposeRule(typeof(ConvTranspose1d), 1), new ConvolutionTransposeRule(typeof(ConvTranspose2d), 2),
        new ConvolutionTransposeRule(typeof(ConvTranspose3d), 3),
        new BilinearRule(), new PReLURule(), new RecurrentMapRule(), new AppendedRowRule(),
        new LayerNormRule(), new GroupNormRule(),
        new InstanceNormRule(typeof(InstanceNorm1d), 1), new InstanceNormRule(typeof(InstanceNorm2d), 2),
        new InstanceNormRule(typeof(InstanceNorm3d), 3),
    }.ToDictionary(rule => rule.LayerType);

    /// <summary>The rule for a layer, or null if there is none.</summary>
    public static LayerRule? For(torch.nn.Module layer) => Rules.GetValueOrDefault(layer.GetType());

    /// <summary>Names of the layers that have a rule, for messages.</summary>
    public static string Names => string.Join(", ", Rules.Keys.Select(type => type.Name));
}
