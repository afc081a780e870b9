using System.Runtime.CompilerServices;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace DpSgd.PerExampleGradients;

/// <summary>
/// Listens to a model: keeps what goes into each trained layer and the gradient of what comes out, and keeps autograd from
/// computing the ordinary gradients of the trained parameters.
/// </summary>
internal sealed class GradientTap : IDisposable
{
    private static readonly ConditionalWeakTable<nn.Module, GradientTap> TappedModels = [];

    private readonly nn.Module _model;
    private readonly IReadOnlyList<TappedLayer> _layers;
    private readonly List<Action> _removeHooks = [];
    private readonly Dictionary<nn.Module, IReadOnlyList<(string Name, Parameter Parameter)>> _suspended = [];
    private readonly List<LayerUse> _uses = [];
    private readonly Workspace _workspace = new();
    private readonly Tensor _anchor;
    private long? _examples;
    private string? _failure;
    private bool _inModel;

    /// <param name="model">The whole model.</param>
    /// <param name="layers">Its layers with trained parameters.</param>
    /// <exception cref="InvalidOperationException">The model is tapped already.</exception>
    public GradientTap(nn.Module model, IReadOnlyList<TappedLayer> layers)
    {
        if (!TappedModels.TryAdd(model, this))
        {
            throw new InvalidOperationException(
                "This model already has a DPOptimizer. Dispose of that one first, or give one optimizer all parameters.");
        }
        _model = model;
        _layers = layers;
        _anchor = zeros([], requires_grad: true).DetachFromDisposeScope();
        try
        {
            _removeHooks.Add(RootCall.Observe(model, BeginModel, () => _inModel = false));
            foreach (var layer in layers)
                Tap(layer);
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    /// <summary>What was caught since the last <see cref="Forget"/>.</summary>
    /// <returns>Null if no backward pass has been through any trained layer.</returns>
    /// <exception cref="InvalidOperationException">What was caught is not one forward and one backward pass of the whole model.</exception>
    public TappedBatch? Catch()
    {
        var caught = _uses.Where(use => use.HasGradient).ToList();
        if (_failure is not null)
            throw Refuse($"{_failure}. Make one forward pass of the model and one backward pass for each step");
        if (caught.Count == 0)
            return null;
        foreach (var use in caught)
        {
            if (!use.InModel)
                throw Refuse($"layer '{use.Layer.Path}' was called by itself. Call the whole model: model.call(x), not model.forward(x)");
            if (_examples is null)
                throw Refuse("the model was called without a tensor, so the number of examples is not known. Give it the batch as a tensor");
            if (use.BatchSize != _examples)
            {
                throw Refuse($"layer '{use.Layer.Path}' saw {use.BatchSize} rows, but the model was called with {_examples} examples. " +
                    "Keep the examples apart: the first dimension must be the example, from the model's input to the loss");
            }
        }
        return TappedBatch.From(_examples!.Value, caught, _workspace);
    }

    /// <summary>Lets go of all that was caught, and makes the parameters trainable again if a forward pass broke off.</summary>
    public void Forget()
    {
        ForgetUses();
        foreach (var parameters in _suspended.Values)
            SetRequiresGrad(parameters, true);
        _suspended.Clear();
    }

    public void Dispose()
    {
        foreach (var remove in _removeHooks)
            remove();
        _removeHooks.Clear();
        Forget();
        _anchor.Dispose();
        _workspace.Dispose();
        TappedModels.Remove(_model);
    }

    private void Tap(TappedLayer layer) => _removeHooks.Add(LayerHooks.Install(
        layer.Module,
        () => Suspend(layer),
        (inputs, output) => _suspended.Remove(layer.Module, out var parameters) ? Caught(layer, parameters, inputs, output) : null));

    /// <summary>
    /// Takes the layer's parameters out of autograd for the length of its forward pass. So no ordinary gradient is computed
    /// for them, the rule computes the per-example ones instead, and what does arrive at a parameter came by another way.
    /// </summary>
    private void Suspend(TappedLayer layer)
    {
        if (!is_grad_enabled())
            return;
        if (layer.Parameters.Any(p => p.Parameter.IsInvalid))
        {
            throw new InvalidOperationException(
                $"Layer '{layer.Path}' has other parameters now than when its DPOptimizer was made: the model was moved to another " +
                "device or type. Make both optimizers again.");
        }
        var trained = layer.Parameters.Where(p => p.Parameter.requires_grad).ToList();
        if (trained.Count == 0)
            return;
        _suspended[layer.Module] = trained;
        SetRequiresGrad(trained, false);
    }

    private static void SetRequiresGrad(IEnumerable<(string Name, Parameter Parameter)> parameters, bool value)
    {
        foreach (var (_, parameter) in parameters)
            parameter.requires_grad = value;
    }

    private void BeginModel(long? examples)
    {
        if (!is_grad_enabled())
            return;
        // A pass that no step was made of would only fill the memory; one with gradients is missing from the next step.
        var failure = _uses.Exists(use => use.HasGradient)
            ? "the model was called again after a backward pass, before a step (to leave a batch out, call zero_grad)"
            : _failure;
        ForgetUses();
        // Where the model is one layer, that may have been suspended for this very call: hooks have no sure order.
        foreach (var module in _suspended.Keys.Where(module => module != _model).ToList())
        {
            _suspended.Remove(module, out var parameters);
            SetRequiresGrad(parameters!, true);
        }
        _failure = failure;
        _examples = examples;
        _inModel = true;
    }

    private void ForgetUses()
    {
        foreach (var use in _uses)
            use.Dispose();
        _uses.Clear();
        _failure = null;
    }

    private Tensor Caught(
        TappedLayer layer, IReadOnlyList<(string, Parameter)> parameters, Tensor?[] inputs, Tensor output)
    {
        SetRequiresGrad(parameters, true);
        var input = inputs[0]!;
        if (input.dim() < layer.Rule.BatchedDimensions(layer.Module))
        {
            throw new InvalidOperationException(
                $"Layer '{layer.Path}' got an input of shape [{string.Join(", ", input.shape)}]. Give it a batch: " +
                "the first dimension must be the example.");
        }
        var use = new LayerUse(layer, parameters, _inModel, inputs, failure => _failure ??= failure);
        _uses.Add(use);
        using (output)
            return TapFunction.Tap(output, use, _anchor);
    }

    private static InvalidOperationException Refuse(string reason) =>
        new($"No private step was taken, and nothing was changed: {reason}.");
}
