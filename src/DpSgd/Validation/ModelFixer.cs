using DpSgd.Accounting;
using DpSgd.Layers;
using DpSgd.PerExampleGradients;
using DpSgd.Validation;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace DpSgd;

/// <summary>Replaces the modules of a model that cannot be trained privately by others that can.</summary>
public static class ModelFixer
{
    /// <summary>
    /// Replaces, within the model, what <see cref="ModelValidator.Validate"/> finds and something of ours can stand for:
    /// BatchNorm by group normalisation; LSTM, GRU, RNN, MultiheadAttention, TransformerEncoderLayer and TransformerEncoder
    /// by ours; InstanceNorm with running statistics, embeddings with max_norm, scale_grad_by_freq or from_pretrained by such
    /// without; in-place activations and dropout by ordinary ones.
    /// </summary>
    /// <param name="model">
    /// The whole model, which has no <see cref="DPOptimizer"/> yet. A module is replaced wherever the model holds it: in
    /// Sequential, ModuleList and ModuleDict, and in fields, lists, dictionaries and tuples of your own modules, if their
    /// type lets them hold the other one: a field for batch normalisation must be a <c>Module&lt;Tensor, Tensor&gt;</c>, not a
    /// <c>BatchNorm2d</c>.
    /// </param>
    /// <returns>What was replaced, and what was not and why.</returns>
    /// <remarks>
    /// <para>
    /// Weights that mean the same afterwards are kept: scale and shift of normalisations, and all weights of recurrent and
    /// attention layers, which go on computing the same. Statistics that BatchNorm has gathered are lost, so a trained model
    /// must be trained on; to fine-tune one as it is, freeze its BatchNorms and call <c>eval()</c> on them instead. Type, device,
    /// mode and frozen parameters are kept.
    /// </para>
    /// <para>
    /// Make the optimizers afterwards, since the new modules have parameters of their own. A module that was replaced is
    /// disposed: code that still holds it fails, rather than computing with what the optimizer does not see.
    /// </para>
    /// </remarks>
    /// <exception cref="ArgumentNullException"><paramref name="model"/> is null.</exception>
    /// <exception cref="InvalidOperationException">The model, or a part of it, has a DPOptimizer.</exception>
    public static ModelFix Fix(nn.Module model)
    {
        Guard.NotNull(model);
        if (ModelInspection.Modules(model).Any(m => GradientTap.IsTapped(m.Module)))
            throw new InvalidOperationException("This model, or a part of it, has a DPOptimizer. Dispose of that one first, and make it again after the model is fixed.");
        using var randomness = new KeptRandomness();
        var replaced = new List<ModelReplacement>();
        var obstacles = new Dictionary<nn.Module, string>();
        foreach (var (problem, module) in new ModelInspection(model, null, null).ProblemModules)
        {
            if (InPlace.Changes(module))
            {
                InPlace.TurnOff(module);
                replaced.Add(new(problem.Path, $"{problem.Type}(inplace: true)", $"{problem.Type}(inplace: false)"));
            }
            else if (Substitute.For(module) is { } substitute)
            {
                if (Replace(model, module, substitute) is { } obstacle)
                    obstacles[module] = obstacle;
                else
                    replaced.Add(new(problem.Path, problem.Type, substitute.Name));
            }
        }
        var left = new ModelInspection(model, null, null);
        var because = left.ProblemModules.Where(f => obstacles.ContainsKey(f.Module)).ToDictionary(f => f.Problem, f => obstacles[f.Module]);
        return new(replaced, [.. left.Problems.Select(problem => because.TryGetValue(problem, out var obstacle) ? problem with { Instead = obstacle } : problem)]);
    }

    /// <returns>Why it cannot be done; null if it was.</returns>
    private static string? Replace(nn.Module model, nn.Module old, Substitute substitute)
    {
        if (ReferenceEquals(model, old))
            return $"it is the model itself, which only you can replace: put {substitute.Name} in its place";
        var weights = old.parameters().Select(p => p.Handle).ToHashSet();
        var sharer = ModelInspection.Modules(model).FirstOrDefault(
            m => !ReferenceEquals(m.Module, old) && m.Module.named_parameters(recurse: false).Any(p => weights.Contains(p.parameter.Handle)));
        if (sharer.Module is not null)
            return $"its weights are also those of '{sharer.Path}', and would no longer be: put {substitute.Name} in its place and share them again";
        var places = ModulePlace.Of(model, old);
        if (places.All(place => place.IsRegister))
            return $"no field or list of the model holds it: put {substitute.Name} in its place where it is made";
        if (places.Find(place => !place.Type.IsAssignableFrom(substitute.Type)) is { } narrow)
        {
            return $"{narrow.Name} is of type {narrow.Type.Name} and cannot hold a {substitute.Type.Name}: " +
                $"declare it as {substitute.FieldType}, or make it {substitute.Name} yourself" +
                (substitute.Type == typeof(GroupNorm) ? ", with init.ones_ for its weight and init.zeros_ for its bias, which TorchSharp leaves as it finds them in memory" : "");
        }
        nn.Module made;
        try
        {
            made = substitute.Make();
        }
        catch (ArgumentException exception)
        {
            return $"{exception.Message} Then put {substitute.Name} in its place";
        }
        foreach (var place in places)
            place.Put(made);
        old.Dispose();
        return null;
    }
}
