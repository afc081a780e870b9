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
    private readonly Action<string> _fail;
    private readonly Tensor?[] _inputs;
    private Tensor? _outputGradient;

    /// <param name="layer">The tapped layer that was called.</param>
    /// <param name="parameters">Its parameters that were trained at that time, by their names within the layer.</param>
    /// <param name="inModel">Whether it was called by the model, not by itself.</param>
    /// <param name="inputs">The layer's inputs; second handles to them are kept.</param>
    /// <param name="anchor">A scalar that requires a gradient.</param>
    /// <param name="fail">Told what went wrong in the backward pass, where nothing may be thrown.</param>
    public LayerUse(
        TappedLayer layer, IReadOnlyList<(string, Parameter)> parameters, bool inModel, Tensor?[] inputs, Tensor anchor, Action<string> fail)
    {
        Layer = layer;
        Parameters = parameters;
        InModel = inModel;
        _inputs = Array.ConvertAll(inputs, input => input is null ? null : Keep(input));
        Probes = inputs.Take(layer.Rule.FixedInputs).OfType<Tensor>().Where(input => input.numel() > 0).Select(input => MakeProbe(input, anchor)).ToList();
        _fail = fail;
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
    public bool HasGradient => _outputGradient is not null;

    public bool IsDisposed { get; private set; }

    public long BatchSize => Input.shape[0];

    /// <summary>Called by the backward pass. Never throws: an exception there would end the process.</summary>
    /// <returns>Whether the gradient was kept.</returns>
    public bool Receive(Tensor gradient)
    {
        if (IsDisposed)
            return Fail("the backward pass went through an earlier call of the model than the last one");
        if (HasGradient)
            return Fail("the backward pass went twice through one forward pass");
        if (gradient.requires_grad)
            return Fail("the backward pass was made with create_graph");
        _outputGradient = Keep(gradient);
        return true;
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
        _outputGradient?.Dispose();
        _outputGradient = null;
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

    private bool Fail(string reason)
    {
        _fail(reason);
        return false;
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
