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
    /// <param name="argument">The argument that they came from, for messages about them.</param>
    /// <param name="rules">The layer rules that there are.</param>
    /// <exception cref="ArgumentException">
    /// A parameter is not in the model, a layer has no rule, or a module mixes the examples of a batch.
    /// </exception>
    public static IReadOnlyList<TappedLayer> TrainedLayers(nn.Module model, IReadOnlyList<Parameter> trained, string argument, LayerRules rules)
    {
        var missing = trained.Select(p => p.Handle).ToHashSet();
        var wanted = new HashSet<IntPtr>(missing);
        var layers = new List<TappedLayer>();
        var problems = new List<string>();
        foreach (var (path, module) in Modules(model))
        {
            var own = module.named_parameters(recurse: false).Where(p => wanted.Contains(p.parameter.Handle)).ToList();
            missing.ExceptWith(own.Select(p => p.parameter.Handle));
            if (Problem(module) is { } problem)
            {
                problems.Add($"'{path}' is a {module.GetType().Name}{problem}");
                continue;
            }
            if (own.Count == 0)
                continue;
            if (rules.For(module) is { } rule && LayerHooks.Fit(module))
            {
                layers.Add(new(path, module, rule, own));
                if (rule.WhyNot(module) is { } reason)
                    problems.Add($"'{path}' is a {module.GetType().Name} {reason}");
            }
            else
                problems.Add($"'{path}' is a {module.GetType().Name} with trained parameters ({string.Join(", ", own.Select(p => p.name))}), for which there is no layer rule");
        }
        problems.AddRange(TensorsHeldTwice(model, wanted));
        if (missing.Count > 0)
        {
            var shapes = trained.Where(p => missing.Contains(p.Handle)).Select(p => $"[{string.Join(", ", p.shape)}]");
            throw new ArgumentException(
                $"The optimizer trains {missing.Count} parameters that are not the model's, of shapes {string.Join(", ", shapes)}. " +
                "Make the optimizer from model.parameters(), after the model is on its device.", argument);
        }
        problems.AddRange(model.named_parameters()
            .Where(p => p.parameter.requires_grad && !wanted.Contains(p.parameter.Handle))
            .Select(p => $"'{p.name}' would get an ordinary gradient, since the optimizer does not train it: set its requires_grad to false"));
        if (problems.Count > 0)
        {
            throw new ArgumentException(
                $"This model cannot be trained privately: {string.Join("; ", problems)}. " +
                $"There are rules for: {rules.Names}. For others, write one (DPOptimizerOptions.LayerRules). Layers without trained parameters may be of any other kind.",
                nameof(model));
        }
        if (trained.Count == 0)
            throw new ArgumentException("The optimizer trains no parameters.", argument);
        if (trained.FirstOrDefault(p => p.dtype is not (ScalarType.Float32 or ScalarType.Float64)) is { } odd)
        {
            var name = model.named_parameters().First(p => p.parameter.Handle == odd.Handle).name;
            throw new ArgumentException($"Parameter '{name}' is of type {odd.dtype}; it must be Float32 or Float64.", nameof(model));
        }
        return layers;
    }

    /// <summary>A module and all below it, each once, with its path; the module itself is named after its type.</summary>
    private static IEnumerable<(string Path, nn.Module Module)> Modules(nn.Module model) =>
        model.named_modules().Prepend((name: model.GetType().Name, module: model)).DistinctBy(m => m.module);

    /// <summary>
    /// Weights that are tied so that neither this nor any optimizer can see it: two Parameter objects of one tensor. Both
    /// would be stepped, each with a part of the gradient.
    /// </summary>
    private static List<string> TensorsHeldTwice(nn.Module model, HashSet<IntPtr> trained)
    {
        var problems = new List<string>();
        var parameters = model.named_parameters().Where(p => trained.Contains(p.parameter.Handle)).ToList();
        foreach (var likely in parameters.GroupBy(p => string.Join(",", p.parameter.shape)).Select(g => g.ToList()))
        {
            for (var i = 0; i < likely.Count - 1; i++)
            {
                problems.AddRange(likely.Skip(i + 1).Where(p => TensorIdentity.AreOne(likely[i].parameter, p.parameter)).Select(p =>
                    $"'{likely[i].name}' and '{p.name}' are two Parameter objects of one tensor (an embedding's weight is a new object at each " +
                    "reading); tie them the other way, embedding.weight = linear.weight"));
            }
        }
        return problems;
    }

    /// <summary>Why a layer cannot be in a private model, whether or not it has trained parameters; null if it can.</summary>
    private static string? Problem(nn.Module module) => module switch
    {
        BatchNorm => ", which mixes the examples of a batch; GroupNorm and LayerNorm do not",
        InstanceNorm { track_running_stats: true } =>
            " that keeps statistics of the data, which no noise covers; make it with track_running_stats: false",
        Embedding or EmbeddingBag when EmbeddingProbe.ShortensRows(module) =>
            " with max_norm, which changes the rows of the tokens that it sees, without noise; make it without",
        _ => null,
    };
}
