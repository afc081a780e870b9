using DpSgd.PerExampleGradients;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace DpSgd.Validation;

/// <summary>
/// Finds the layers of a model whose parameters an optimizer trains, and refuses a model of which not every gradient can
/// be had example by example.
/// </summary>
internal static class ModelInspection
{
    /// <summary>The layers to tap.</summary>
    /// <param name="model">The whole model.</param>
    /// <param name="trained">The parameters that the optimizer trains.</param>
    /// <exception cref="ArgumentException">
    /// A parameter is not in the model, a layer has no rule, or a module mixes the examples of a batch.
    /// </exception>
    public static IReadOnlyList<TappedLayer> TrainedLayers(nn.Module model, IReadOnlyList<Parameter> trained)
    {
        var missing = trained.Select(p => p.Handle).ToHashSet();
        var wanted = new HashSet<IntPtr>(missing);
        var layers = new List<TappedLayer>();
        var problems = new List<string>();
        foreach (var (path, module) in Modules(model))
        {
            if (module is InstanceNorm { track_running_stats: true })
            {
                problems.Add($"'{path}' is a {module.GetType().Name} that keeps statistics of the data, which no noise covers; make it with track_running_stats: false");
                continue;
            }
            if (MixesExamples(module))
            {
                problems.Add($"'{path}' is a {module.GetType().Name}, which mixes the examples of a batch; GroupNorm and LayerNorm do not");
                continue;
            }
            var own = module.named_parameters(recurse: false).Where(p => wanted.Contains(p.parameter.Handle)).ToList();
            missing.ExceptWith(own.Select(p => p.parameter.Handle));
            if (own.Count == 0)
                continue;
            if (LayerRules.For(module) is { } rule && LayerHooks.Fit(module))
                layers.Add(new(path, module, rule, own));
            else
                problems.Add($"'{path}' is a {module.GetType().Name} with trained parameters ({string.Join(", ", own.Select(p => p.name))}), for which there is no layer rule");
        }
        if (problems.Count > 0)
        {
            throw new ArgumentException(
                $"This model cannot be trained privately: {string.Join("; ", problems)}. " +
                $"There are rules for: {LayerRules.Names}. Layers that are not trained, and layers without parameters, may be of any kind.",
                nameof(model));
        }
        if (missing.Count > 0)
        {
            var shapes = trained.Where(p => missing.Contains(p.Handle)).Select(p => $"[{string.Join(", ", p.shape)}]");
            throw new ArgumentException(
                $"The optimizer trains {missing.Count} parameters that are not the model's, of shapes {string.Join(", ", shapes)}. " +
                "Make the optimizer from model.parameters(), after the model is on its device.", nameof(model));
        }
        return layers;
    }

    /// <summary>A module and all below it, each once, with its path; the module itself is named after its type.</summary>
    private static IEnumerable<(string Path, nn.Module Module)> Modules(nn.Module model) =>
        model.named_modules().Prepend((name: model.GetType().Name, module: model)).DistinctBy(m => m.module);

    /// <summary>Batch normalisation makes each output depend on the whole batch, whether or not it has parameters.</summary>
    private static bool MixesExamples(nn.Module module) => module is BatchNorm;
}
