using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace DpSgd.PerExampleGradients;

/// <summary>
/// One pass of data through one layer: what went in, and, once the backward pass has been through it, the gradient of the
/// loss with respect to what came out. Everything that a layer rule needs.
/// </summary>
internal sealed class LayerUse : IDisposable
{
    private readonly Tensor?[] _inputs;
    private Tensor? _outputGradient;
    private Dictionary<string, Tensor> _written = [];

    /// <param name="layer">The tapped layer that was called.</param>
    /// <param name="parameters">Its parameters that were trained at that time, by their names within the layer.</param>
    /// <param name="inModel">Whether it was called by the model, not by itself.</param>
    /// <param name="inputs">The layer's inputs; second handles to them are kept.</param>
    /// <param name="anchor">A scalar that requires a gradient.</param>
    public LayerUse(
        TappedLayer layer, IReadOnlyList<(string, Parameter)> parameters, bool inModel, Tensor?[] inputs, Tensor anchor)
    {
        Layer = layer;
        Parameters = parameters;
        InModel = inModel;
        _inputs = Array.ConvertAll(inputs, input => input is null ? null : Keep(input));
        Probes = inputs.Take(layer.Rule.FixedInputs).OfType<Tensor>().Where(input => input.numel() > 0).Select(input => MakeProbe(input, anchor)).ToList();
    }

    public TappedLayer Layer { get; }

    public IReadOnlyList<(string Name, Parameter Parameter)> Parameters { get; }

    public bool InModel { get; }

    /// <summary>What went in, first dimension the example. Inputs that were left out are null.</summary>
    public IReadOnlyList<Tensor?> Inputs => _inputs;

    /// <summary>The first of what went in.</summary>
    public Tensor Input => _inputs[0]!;

    /// <summary>Values whose graphs remember the versions of the inputs.</summary>
    public IReadOnlyList<Tensor> Probes { get; }

    /// <summary>Gradient of the loss with respect to what came out, first dimension the example.</summary>
    public Tensor OutputGradient =>
        _outputGradient ?? throw new InvalidOperationException("The backward pass has not been through this layer.");

    /// <summary>Whether the loss depends on this use, and the backward pass has been through it.</summary>
    public bool HasGradient { get; private set; }

    /// <summary>Shape of what came out, once the backward pass has been through it.</summary>
    public IReadOnlyList<long> OutputShape { get; private set; } = [];

    public bool IsDisposed { get; private set; }

    public long BatchSize => Input.shape[0];

    /// <summary>Keeps the gradient of what came out.</summary>
    public void Receive(Tensor gradient)
    {
        _outputGradient = Keep(gradient);
        OutputShape = gradient.shape;
        HasGradient = true;
    }

    /// <summary>
    /// Writes out the gradients of the parameters now, where that saves memory: the gradient of what came out is then needed
    /// no longer. So it is with norms, and with convolutions that have many positions.
    /// </summary>
    /// <returns>Whether it did. What fails here is left for the step, where it may throw: in the backward pass it would end the process.</returns>
    public bool WriteOut(Workspace workspace)
    {
        try
        {
            if (!SavesMemory(workspace))
                return false;
            using var scope = NewDisposeScope();
            var gradients = Parameters.ToDictionary(p => p.Name, p => Layer.Rule.GradientOf(p.Name, this, workspace).WriteOutToKeep());
            foreach (var gradient in gradients.Values)
                gradient.DetachFromDisposeScope();
            _written = gradients;
            return true;
        }
        catch (Exception)
        {
            return false;
        }
    }

    private bool SavesMemory(Workspace workspace)
    {
        if (!Layer.Rule.WritesOut || OutputGradient.dtype is not (ScalarType.Float32 or ScalarType.Float64))
            return false;
        var (written, saved) = (BatchSize * Parameters.Sum(p => p.Parameter.numel()), OutputGradient.numel());
        // On the CPU, what there is room for would be written out and kept at the step in any case.
        return written <= saved
            || (written <= 4 * saved && OutputGradient.device_type == DeviceType.CPU && workspace.HasRoom(written * OutputGradient.element_size()));
    }

    /// <summary>The per-example gradient of one parameter.</summary>
    public PerExampleGradient GradientOf(string parameter, Workspace workspace) => _written.TryGetValue(parameter, out var written)
        ? new WrittenOutGradient(written)
        : Layer.Rule.GradientOf(parameter, this, workspace);

    /// <summary>Lets go of the gradient of what came out.</summary>
    public void ForgetOutputGradient()
    {
        _outputGradient?.Dispose();
        _outputGradient = null;
    }

    /// <summary>Makes numbers of 16 bits into numbers of 32: a rule's norms and sums are to be no coarser than that.</summary>
    public void Widen()
    {
        for (var i = 0; i < _inputs.Length; i++)
            Widen(ref _inputs[i]);
        Widen(ref _outputGradient);
    }

    public void Dispose()
    {
        IsDisposed = true;
        foreach (var input in _inputs)
            input?.Dispose();
        foreach (var probe in Probes)
            probe.Dispose();
        foreach (var written in _written.Values)
            written.Dispose();
        ForgetOutputGradient();
    }

    /// <summary>The product of the anchor and one value of the input: libtorch keeps that value, a view, for the backward pass.</summary>
    private static Tensor MakeProbe(Tensor input, Tensor anchor)
    {
        using var scope = NewDisposeScope();
        var value = input.detach();
        while (value.dim() > 0)
            value = value.select(0, 0);
        return value.mul(anchor).DetachFromDisposeScope();
    }

    /// <summary>Numbers of 16 bits as numbers of 32; others as they are.</summary>
    public static Tensor Widened(Tensor tensor) =>
        tensor.dtype is ScalarType.BFloat16 or ScalarType.Float16 ? tensor.to(ScalarType.Float32) : tensor;

    private static void Widen(ref Tensor? tensor)
    {
        if (tensor is not { } narrow || Widened(narrow) is not { } wide || ReferenceEquals(wide, narrow))
            return;
        narrow.Dispose();
        tensor = wide.DetachFromDisposeScope();
    }

    /// <summary>A handle of our own, which neither a dispose scope nor Sequential will take away.</summary>
    private static Tensor Keep(Tensor tensor) => tensor.alias().DetachFromDisposeScope();
}
