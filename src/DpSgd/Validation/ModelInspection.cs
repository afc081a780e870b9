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
    /// <param name="rules">The layer rules that there are; null if gradients are had without, and no layer is tapped.</param>
    /// <exception cref="ArgumentException">
    /// A module mixes the examples of a batch or keeps statistics of them; a layer with trained parameters has no rule; the
    /// optimizer does not train exactly what in the model is not frozen; or a parameter is not of 32 or 64 bit floats.
    /// </exception>
    public static IReadOnlyList<TappedLayer> TrainedLayers(
        nn.Module model, IReadOnlyList<Parameter> trained, string argument, LayerRules? rules)
    {
        RefuseForeign(model, trained, argument);
        var wanted = trained.Select(p => p.Handle).ToHashSet();
        var layers = new List<TappedLayer>();
        var problems = new List<string>();
        var isWithoutRule = false;
        foreach (var (path, module) in Modules(model))
        {
            var own = module.named_parameters(recurse: false).Where(p => wanted.Contains(p.parameter.Handle)).ToList();
            if (Problem(module) is { } problem)
                problems.Add($"'{path}' is a {module.GetType().Name}{problem}");
            else if (own.Count == 0 || rules is null)
                continue;
            else if (rules.For(module) is not { } rule || !LayerHooks.Fit(module))
            {
                isWithoutRule = true;
                problems.Add($"'{path}' is a {module.GetType().Name} with trained parameters ({string.Join(", ", own.Select(p => p.name))}), for which there is no layer rule{Replacement(module)}");
            }
            else if (rule.WhyNot(module) is { } reason)
                problems.Add($"'{path}' is a {module.GetType().Name} {reason}");
            else
                layers.Add(new(path, module, rule, own));
        }
        problems.AddRange(TensorsHeldTwice(model, wanted));
        problems.AddRange(model.named_parameters().DistinctBy(p => p.parameter.Handle)
            .Select(p => Problem(p.name, p.parameter, wanted.Contains(p.parameter.Handle))).OfType<string>());
        if (problems.Count > 0)
        {
            var advice = !isWithoutRule ? "" :
                $" There are rules for: {rules!.Names}. For others, write one (DPOptimizerOptions.LayerRules), or take slower steps without " +
                "(DPOptimizerOptions.PerMicrobatchBackward). Layers without trained parameters may be of any other kind.";
            throw new ArgumentException($"This model cannot be trained privately: {string.Join("; ", problems)}.{advice}", nameof(model));
        }
        return layers;
    }

    /// <summary>What to put in the place of a layer that TorchSharp computes as a whole, for a message.</summary>
    private static string Replacement(nn.Module module) => module switch
    {
        LSTM => ": put DPLSTM in its place",
        GRU => ": put DPGRU in its place",
        RNN => ": put DPRNN in its place",
        _ => "",
    };

    private static void RefuseForeign(nn.Module model, IReadOnlyList<Parameter> trained, string argument)
    {
        if (trained.Count == 0)
            throw new ArgumentException("The optimizer trains no parameters.", argument);
        var foreign = trained.ExceptBy(model.named_parameters().Select(p => p.parameter.Handle), p => p.Handle).ToList();
        if (foreign.Count > 0)
        {
            throw new ArgumentException(
                $"The optimizer trains {foreign.Count} parameters that are not the model's, of shapes " +
                $"{string.Join(", ", foreign.Select(p => $"[{string.Join(", ", p.shape)}]"))}. " +
                "Make the optimizer from model.parameters(), after the model is on its device.", argument);
        }
    }

    /// <summary>Why a parameter cannot be in a private model; null if it can.</summary>
    private static string? Problem(string name, Parameter parameter, bool isTrained) => parameter switch
    {
        { requires_grad: true } when !isTrained =>
            $"'{name}' would get an ordinary gradient, since the optimizer does not train it: make the optimizer from model.parameters(), or freeze it (requires_grad = false)",
        { dtype: not (ScalarType.Float32 or ScalarType.Float64) } when isTrained =>
            $"'{name}' is of type {parameter.dtype}; it must be Float32 or Float64",
        _ => null,
    };

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
        BatchNorm => ", which mixes the examples of a batch: put GroupNorm(groups, channels) or LayerNorm in its place",
        InstanceNorm { track_running_stats: true } =>
            " that keeps statistics of the data, which no noise covers; make it with track_running_stats: false",
        Embedding or EmbeddingBag when EmbeddingProbe.ShortensRows(module) =>
            " with max_norm, which changes the rows of the tokens that it sees, without noise; make it without",
        _ => null,
    };
}
