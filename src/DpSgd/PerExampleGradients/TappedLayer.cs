using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace DpSgd.PerExampleGradients;

/// <summary>A layer whose own parameters are trained, with the rule that gives their per-example gradients.</summary>
/// <param name="Path">Where the layer is in the model, as in <c>named_modules</c>; empty for the model itself.</param>
/// <param name="Module">The layer.</param>
/// <param name="Rule">Its rule.</param>
/// <param name="Parameters">The parameters of its own that the optimizer trains, by their names within the layer.</param>
internal sealed record TappedLayer(
    string Path,
    nn.Module Module,
    LayerRule Rule,
    IReadOnlyList<(string Name, Parameter Parameter)> Parameters);
