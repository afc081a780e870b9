using DpSgd.Accounting;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace DpSgd;

/// <content>Everything in which this behaves as the wrapped optimizer does.</content>
public partial class DPOptimizer : optim.IMomentum, optim.IBetas
{
    private bool _disposed;

    /// <summary>The wrapped optimizer's parameter groups, so that learning-rate schedulers act on them.</summary>
    public override IEnumerable<optim.ILearningRateController> ParamGroups => _inner.ParamGroups;

    /// <inheritdoc/>
    double optim.IMomentum.Momentum
    {
        get => Inner<optim.IMomentum>().Momentum;
        set => Inner<optim.IMomentum>().Momentum = value;
    }

    /// <inheritdoc/>
    (double, double) optim.IBetas.Betas
    {
        get => Inner<optim.IBetas>().Betas;
        set => Inner<optim.IBetas>().Betas = value;
    }

    /// <summary>The wrapped optimizer's parameters.</summary>
    public override IEnumerable<Parameter> parameters() => _inner.parameters();

    /// <summary>Forgets the gradients of all the model's parameters, and what was caught in a backward pass that no step was made of.</summary>
    public override void zero_grad()
    {
        _tap.ForgetGradients();
        foreach (var (_, parameter) in _ofModel)
        {
            if (!parameter.IsInvalid)
                parameter.grad = null;
        }
    }

    /// <summary>Gives the wrapped optimizer another group of the model's parameters to train.</summary>
    /// <param name="param_group">The group.</param>
    /// <exception cref="ArgumentException">One of the parameters cannot be trained privately. The group was not added.</exception>
    public override void add_param_group(ParamGroup param_group)
    {
        Guard.NotNull(param_group);
        var added = param_group.Parameters.Where(p => p.requires_grad);
        LayersToTap([.. _parameters, .. added], nameof(param_group));
        _inner.add_param_group(param_group);
        _tap.Dispose();
        _frozenBatchNorms.Dispose();
        _instanceNorms.Dispose();
        _microbatchBackward?.Dispose();
        _gradient.Dispose();
        ForgetPieces();
        Attach();
    }

    /// <summary>The wrapped optimizer's state. The privacy ledger is not part of it: <see cref="SaveCheckpoint"/> keeps both.</summary>
    public override StateDictionary state_dict() => _inner.state_dict();

    /// <summary>Sets the wrapped optimizer's state.</summary>
    /// <param name="state_dict">From <see cref="state_dict"/>, of this or of the bare optimizer.</param>
    public override void load_state_dict(StateDictionary state_dict) => _inner.load_state_dict(state_dict);

    /// <summary>Saves the wrapped optimizer's state, as it would itself. The privacy ledger is not part of it: <see cref="SaveCheckpoint"/> keeps both.</summary>
    /// <param name="location">Path of the file.</param>
    public new void save_state_dict(string location) => _inner.save_state_dict(location);

    /// <inheritdoc cref="save_state_dict(string)"/>
    /// <param name="writer">Where to.</param>
    public new void save_state_dict(BinaryWriter writer) => _inner.save_state_dict(writer);

    /// <summary>Loads the wrapped optimizer's state, saved by this or by the bare optimizer.</summary>
    /// <param name="location">Path of the file.</param>
    public new void load_state_dict(string location) => _inner.load_state_dict(location);

    /// <inheritdoc cref="load_state_dict(string)"/>
    /// <param name="reader">Where from.</param>
    public new void load_state_dict(BinaryReader reader) => _inner.load_state_dict(reader);

    /// <summary>Moves the wrapped optimizer's state to a device.</summary>
    /// <param name="device">The device.</param>
    public new void to(Device device) => _inner.to(device);

    /// <summary>Lets go of the model, so that it is as it was before, and disposes the wrapped optimizer.</summary>
    /// <param name="disposing">False when called by a finalizer.</param>
    protected override void Dispose(bool disposing)
    {
        if (disposing && !_disposed)
        {
            _disposed = true;
            _tap?.Dispose();
            _frozenBatchNorms?.Dispose();
            _instanceNorms?.Dispose();
            _microbatchBackward?.Dispose();
            _gradient?.Dispose();
            ForgetPieces();
            _unwatch?.Invoke();
            _ledger?.Dispose();
            _inner?.Dispose();
        }
        base.Dispose(disposing);
    }

    private T Inner<T>()
        where T : class =>
        _inner as T ?? throw new NotSupportedException($"{_inner.GetType().Name} has no such value.");
}
