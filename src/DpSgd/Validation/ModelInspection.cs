using DpSgd.PerExampleGradients;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace DpSgd.Validation;

/// <summary>
/// Goes through a model: finds the layers whose parameters are trained, and everything for which not every gradient can be
/// had example by example.
/// </summary>
internal sealed class ModelInspection
{
    private readonly nn.Module _model;
    private readonly LayerRules? _rules;
    private readonly HashSet<IntPtr> _trained;
    private readonly List<(ModelProblem Problem, nn.Module? Module)> _found = [];
    private readonly List<TappedLayer> _layers = [];

    /// <param name="model">The whole model.</param>
    /// <param name="trained">The parameters that an optimizer trains; null for all that are not frozen.</param>
    /// <param name="options">The options that it is to be trained with; null for the usual.</param>
    public ModelInspection(nn.Module model, IReadOnlyList<Parameter>? trained, DPOptimizerOptions? options)
    {
        _model = model;
        _rules = options is { PerMicrobatchBackward: true } ? null : new(options?.LayerRules ?? []);
        _trained = (trained ?? [.. model.parameters().Where(p => p.requires_grad)]).Select(p => p.Handle).ToHashSet();
        if (!RootCall.CanObserve(model))
            Add(_model.GetType().Name, model, "has no typed call, so that the number of examples in a batch cannot be seen", "derive it from nn.Module<Tensor, Tensor> or one of its like");
        foreach (var (path, module) in Modules(model))
            Inspect(path, module);
        AddTensorsHeldTwice();
        foreach (var (name, parameter) in model.named_parameters().DistinctBy(p => p.parameter.Handle))
            Inspect(name, parameter);
    }

    /// <summary>The layers to tap: those with trained parameters. None where gradients are had without layer rules.</summary>
    public IReadOnlyList<TappedLayer> Layers => _layers;

    public IReadOnlyList<ModelProblem> Problems => [.. _found.Select(f => f.Problem)];

    /// <summary>The modules that are the problems, with their problem.</summary>
    public IEnumerable<(ModelProblem Problem, nn.Module Module)> ProblemModules =>
        _found.Where(f => f.Module is not null).Select(f => (f.Problem, f.Module!));

    /// <summary>Throws if there is a problem.</summary>
    /// <exception cref="ArgumentException">With all problems in its message.</exception>
    public void RefuseProblems()
    {
        if (_found.Count == 0)
            return;
        var fix = ProblemModules.Any(f => Substitute.For(f.Module) is not null) ? " ModelFixer.Fix(model) replaces what can be replaced; make the optimizer after it." : "";
        var rules = _found.Any(f => f.Problem.Instead == OtherLayers) ? $" There are rules for: {_rules!.Names}. Layers without trained parameters may be of any other kind." : "";
        throw new ArgumentException($"This model cannot be trained privately: {string.Join("; ", Problems)}.{fix}{rules}", "model");
    }

    /// <exception cref="ArgumentException">An optimizer trains nothing, or parameters that the model does not have.</exception>
    public static void RefuseForeign(nn.Module model, IReadOnlyList<Parameter> trained, string argument)
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

    /// <summary>A module and all below it, each once, with its path; the module itself is named after its type.</summary>
    public static IEnumerable<(string Path, nn.Module Module)> Modules(nn.Module model) =>
        Below(model, "").Prepend((Path: model.GetType().Name, Module: model)).DistinctBy(m => m.Module);

    private static IEnumerable<(string Path, nn.Module Module)> Below(nn.Module module, string prefix) => module.named_children().SelectMany(
        child => Below(child.module, $"{prefix}{child.name}.").Prepend((prefix + child.name, child.module)));

    private const string OtherLayers =
        "write a rule for it (DPOptimizerOptions.LayerRules), or take slower steps without (DPOptimizerOptions.PerMicrobatchBackward)";

    private void Inspect(string path, nn.Module module)
    {
        var own = module.named_parameters(recurse: false).Where(p => _trained.Contains(p.parameter.Handle)).ToList();
        if (InAnyModel(module) is { } wrong)
            Add(path, module, wrong.Reason, wrong.Instead);
        else if (_rules is null)
            return;
        else if (InPlace.Changes(module))
            Add(path, module, "changes its input in place, where the gradient of the layer before it is taken", "make it with inplace: false");
        else if (own.Count == 0)
            return;
        else if (_rules.For(module) is not { } rule || !LayerHooks.Fit(module))
        {
            Add(
                path, module, $"has trained parameters ({Names([.. own.Select(p => p.name)])}) and no layer rule",
                Substitute.For(module) is { } substitute ? $"put {substitute.Type.Name} in its place" : OtherLayers);
        }
        else if (rule.WhyNot(module) is { } why)
            Add(path, module, why.Reason, why.Instead);
        else
            _layers.Add(new(path, module, rule, own));
    }

    /// <summary>Why a parameter cannot be in a private model.</summary>
    private void Inspect(string name, Parameter parameter)
    {
        if (!_trained.Contains(parameter.Handle))
        {
            if (parameter.requires_grad)
            {
                Add(
                    name, null, "would get an ordinary gradient, since the optimizer does not train it",
                    "make the optimizer from model.parameters(), or freeze it (requires_grad = false)");
            }
        }
        else if (parameter.dtype is not (ScalarType.Float32 or ScalarType.Float64 or ScalarType.BFloat16))
            Add(name, null, $"is of type {parameter.dtype}", "it must be Float32, Float64 or BFloat16");
    }

    /// <summary>Why a layer cannot be in a private model, whether or not it has trained parameters; null if it can.</summary>
    private static (string Reason, string Instead)? InAnyModel(nn.Module module) => module switch
    {
        BatchNorm norm when FrozenBatchNorms.MixesExamples(norm) => (
            "mixes the examples of a batch",
            "put GroupNorm(groups, channels) or LayerNorm in its place, or, where it comes from a trained model, freeze its parameters and call eval() on it"),
        InstanceNorm { track_running_stats: true } => (
            "keeps statistics of the data, which no noise covers", "make it with track_running_stats: false"),
        Embedding or EmbeddingBag when EmbeddingProbe.ShortensRows(module) => (
            "has max_norm and so changes the rows of the tokens that it sees, without noise", "make it without"),
        _ => null,
    };

    /// <summary>
    /// Weights that are tied so that neither this nor any optimizer can see it: two Parameter objects of one tensor. Both
    /// would be stepped, each with a part of the gradient.
    /// </summary>
    private void AddTensorsHeldTwice()
    {
        var parameters = _model.named_parameters().Where(p => _trained.Contains(p.parameter.Handle)).ToList();
        foreach (var likely in parameters.GroupBy(p => string.Join(",", p.parameter.shape)).Select(g => g.ToList()))
        {
            for (var i = 0; i < likely.Count - 1; i++)
            {
                foreach (var (name, _) in likely.Skip(i + 1).Where(p => TensorIdentity.AreOne(likely[i].parameter, p.parameter)))
                {
                    Add(
                        likely[i].name, null, $"and '{name}' are two Parameter objects of one tensor (an embedding's weight is a new object at each reading)",
                        "tie them the other way, embedding.weight = linear.weight");
                }
            }
        }
    }

    /// <summary>A TransformerEncoder has dozens.</summary>
    private static string Names(string[] names)
    {
        const int most = 4;
        return names.Length <= most ? string.Join(", ", names) : $"{string.Join(", ", names[..(most - 1)])} and {names.Length - most + 1} more";
    }

    private void Add(string path, nn.Module? module, string reason, string instead) =>
        _found.Add((new(path, module?.GetType().Name ?? nameof(Parameter), reason, instead), module));
}
