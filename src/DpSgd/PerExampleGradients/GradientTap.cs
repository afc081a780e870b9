using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
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
    private const string KeepApart =
        "Keep the examples apart: the first dimension must be the example, from the model's input to the loss. What is the same for all " +
        "of them, as positions are, goes in once for each: arange(steps).expand(examples, steps)";

    private static readonly ConditionalWeakTable<nn.Module, GradientTap> Tapped = [];

    private readonly nn.Module _model;
    private readonly List<Action> _undo = [];
    private readonly Dictionary<nn.Module, IReadOnlyList<(string Name, Parameter Parameter)>> _suspended = [];
    private readonly List<LayerUse> _uses = [];
    private readonly Workspace _workspace;
    private readonly Tensor _anchor;
    private long? _examples;
    private string? _failure;
    private LayerUse? _writtenOut;
    private bool _inModel;

    /// <param name="model">The whole model.</param>
    /// <param name="layers">Its layers with trained parameters.</param>
    /// <param name="workspace">Memory for the rules' intermediate results; it now belongs to this.</param>
    /// <exception cref="InvalidOperationException">The model, or one of the layers, is tapped already.</exception>
    public GradientTap(nn.Module model, IReadOnlyList<TappedLayer> layers, Workspace workspace)
    {
        _workspace = workspace;
        _model = model;
        // On the layers' device: a gradient that has to cross to another one makes the host wait, for each layer.
        var device = layers.Count > 0 ? layers[0].Parameters[0].Parameter.device : CPU;
        _anchor = zeros([], device: device, requires_grad: true).DetachFromDisposeScope();
        try
        {
            foreach (var module in layers.Select(layer => layer.Module).Append(model).Distinct())
                Claim(module);
            // Where the model is itself a tapped layer, its own hooks see its calls.
            if (!layers.Any(layer => layer.Module == model))
                _undo.Add(RootCall.Observe(model, examples => BeginModel(examples?.shape[0]), EndModel));
            foreach (var layer in layers)
                Tap(layer);
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    /// <summary>Whether a module is listened to, as a model or as a layer of one.</summary>
    public static bool IsTapped(nn.Module module) => Tapped.TryGetValue(module, out _);

    /// <summary>What was caught since the last <see cref="Forget"/>.</summary>
    /// <returns>Null if no backward pass has been through any trained layer.</returns>
    /// <exception cref="InvalidOperationException">What was caught is not one forward and one backward pass of the whole model.</exception>
    public TappedBatch? Catch()
    {
        Resume();
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
                throw Refuse($"layer '{use.Layer.Path}' saw {use.BatchSize} rows, but the model was called with {_examples} examples. {KeepApart}");
            }
            if (use.OutputShape.Count == 0 || use.OutputShape[0] != _examples)
            {
                throw Refuse($"layer '{use.Layer.Path}' put out a tensor of shape [{string.Join(", ", use.OutputShape)}] for {_examples} examples. {KeepApart}");
            }
            if (use.Layer.Rule.WhyNotExamples(use) is { } reason)
                throw Refuse($"layer '{use.Layer.Path}' {reason}. {KeepApart}");
        }
        RefuseChangedInputs(caught);
        ForgetWrittenOut();
        return TappedBatch.From(_examples!.Value, caught, _workspace);
    }

    /// <summary>Called by the backward pass. Never throws: an exception there would end the process.</summary>
    /// <returns>Whether the gradient was kept.</returns>
    public bool Receive(LayerUse use, Tensor gradient)
    {
        var failure = use.IsDisposed ? "the backward pass went through an earlier call of the model than the last one"
            : use.HasGradient ? "the backward pass went twice through one forward pass"
            : gradient.requires_grad ? "the backward pass was made with create_graph"
            : null;
        _failure ??= failure;
        if (failure is not null)
            return false;
        ForgetWrittenOut();
        use.Receive(gradient);
        if (use.WriteOut(_workspace))
            _writtenOut = use;
        return true;
    }

    /// <summary>Lets go of the gradients that were caught. A forward pass that waits for its backward pass is kept.</summary>
    public void ForgetGradients()
    {
        Resume();
        EndModel();
        _failure = null;
        foreach (var use in _uses.Where(use => use.HasGradient))
            use.Dispose();
        _uses.RemoveAll(use => use.IsDisposed);
        _writtenOut = null;
        _workspace.Release();
    }

    /// <summary>Lets go of all that was caught.</summary>
    public void Forget()
    {
        Resume();
        EndModel();
        ForgetUses();
        _examples = null;
    }

    public void Dispose()
    {
        foreach (var undo in _undo)
            undo();
        _undo.Clear();
        Forget();
        _anchor.Dispose();
        _workspace.Dispose();
    }

    private void Claim(nn.Module module)
    {
        if (!Tapped.TryAdd(module, this))
        {
            throw new InvalidOperationException(
                $"This model, or a part of it ({module.GetType().Name}), already has a DPOptimizer. Dispose of that one first, or give " +
                "one optimizer all parameters.");
        }
        _undo.Add(() => Tapped.Remove(module));
    }

    private void Tap(TappedLayer layer)
    {
        var isModel = layer.Module == _model;
        _undo.Add(LayerHooks.Install(
            layer.Module,
            input =>
            {
                if (isModel)
                    BeginModel(RootCall.NotDisposed(input).dim() > 0 ? input.shape[0] : null);
                Suspend(layer);
            },
            (inputs, output) =>
            {
                var tapped = _suspended.Remove(layer.Module, out var parameters) ? Caught(layer, parameters, inputs, output) : null;
                if (isModel)
                    EndModel();
                return tapped;
            }));
    }

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

    /// <summary>Undoes <see cref="Suspend"/> where a forward pass broke off.</summary>
    private void Resume()
    {
        foreach (var parameters in _suspended.Values)
            SetRequiresGrad(parameters, true);
        _suspended.Clear();
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
            ? "the model was called again after a backward pass, before a step. To evaluate in between, do it inside using (no_grad()); to leave a batch out, call zero_grad; gradients cannot be accumulated over batches, so make the batch larger instead"
            : _failure;
        ForgetUses();
        Resume();
        _failure = failure;
        _examples = examples;
        _inModel = true;
    }

    private void EndModel() => _inModel = false;

    private void ForgetUses()
    {
        foreach (var use in _uses)
            use.Dispose();
        _uses.Clear();
        _writtenOut = null;
        _workspace.Release();
        _failure = null;
    }

    /// <summary>Of the last layer that was written out the gradient was still to be given back to libtorch.</summary>
    private void ForgetWrittenOut()
    {
        _writtenOut?.ForgetOutputGradient();
        _writtenOut = null;
    }

    private Tensor Caught(
        TappedLayer layer, IReadOnlyList<(string, Parameter)> parameters, Tensor?[] inputs, Tensor output)
    {
        SetRequiresGrad(parameters, true);
        // What had no rows for libtorch may have been given one: see EmptyInstanceNorms.
        if (output.dim() > 0 && output.shape[0] == 0)
            inputs = Array.ConvertAll(inputs, given => given?.narrow(0, 0, 0));
        var input = inputs[0]!;
        if (input.dim() < layer.Rule.BatchedDimensions(layer.Module))
        {
            throw new InvalidOperationException(
                $"Layer '{layer.Path}' got an input of shape [{string.Join(", ", input.shape)}]. Give it a batch: " +
                "the first dimension must be the example.");
        }
        var use = new LayerUse(layer, parameters, _inModel, inputs, _anchor);
        _uses.Add(use);
        var tapped = TapFunction.Tap(output, use, this, _anchor);
        // A layer may hand on what it was given, which is then still the caller's.
        if (!inputs.Any(given => ReferenceEquals(given, output)))
            output.Dispose();
        return tapped;
    }

    /// <summary>
    /// The rules read the inputs only now. libtorch keeps the version of each in the graph of its probe, and refuses to go
    /// through it if the input was changed in place since.
    /// </summary>
    private void RefuseChangedInputs(IEnumerable<LayerUse> uses)
    {
        var probes = uses.SelectMany(use => use.Probes).ToList();
        if (probes.Count == 0)
            return;
        try
        {
            using var gradient = enable_grad();
            autograd.backward(probes);
        }
        catch (ExternalException exception)
        {
            throw new InvalidOperationException(
                "No private step was taken, and nothing was changed: what went into a layer was changed in place before the step. " +
                "Use the operation that returns a new tensor, and keep the batch as it is until after the step.", exception);
        }
        finally
        {
            _anchor.grad = null;
        }
    }

    private static InvalidOperationException Refuse(string reason) =>
        new($"No private step was taken, and nothing was changed: {reason}.");
}
