using DpSgd.Clipping;
using TorchSharp;
using static TorchSharp.torch;

namespace DpSgd.PerExampleGradients;

/// <summary>
/// Per-example gradients of a convolution's kernel: for example i and each group of channels, the sum over positions t of
/// values[i, :, t] times patch[i, t]. They are written out one at a time; those of a whole batch are kept from the norm to
/// the sum only where the workspace has room for them, and made again elsewhere.
/// </summary>
internal sealed class ConvolutionGradient : PerExampleGradient
{
    private readonly Patches _patches;
    private readonly long _groups;
    private readonly Tensor _values;
    private readonly Tensor _input;
    private readonly Workspace _workspace;
    private readonly bool _onAnyDevice;
    private readonly IPatchProducts? _products;   // null where libtorch has to do it
    private Tensor? _kept;

    /// <param name="patches">What the kernel sees of the input.</param>
    /// <param name="groups">Number of groups.</param>
    /// <param name="values">[B, channels, positions...]: what is multiplied with the patches.</param>
    /// <param name="input">[B, channels, ...]: what the patches are taken of.</param>
    /// <param name="workspace">Memory.</param>
    /// <param name="onAnyDevice">Whether libtorch does it on the CPU too, as on other devices.</param>
    public ConvolutionGradient(Patches patches, long groups, Tensor values, Tensor input, Workspace workspace, bool onAnyDevice = false)
    {
        _patches = patches;
        _groups = groups;
        _values = values.reshape(values.shape[0], values.shape[1], -1).contiguous();
        _input = input.contiguous();
        _workspace = workspace;
        _onAnyDevice = onAnyDevice;
        // Loops over memory follow, which would read other examples' values, or nobody's.
        if (_values.shape[0] != _input.shape[0] || _values.shape[2] != patches.Positions)
            throw NotAsPutOut();
        _products = (_values.device_type, _values.dtype) switch
        {
            _ when onAnyDevice => null,
            (DeviceType.CPU, ScalarType.Float32) => new PatchProducts<float>(patches, (int)groups, _values, _input, workspace),
            (DeviceType.CPU, ScalarType.Float64) => new PatchProducts<double>(patches, (int)groups, _values, _input, workspace),
            _ => null,
        };
    }

    /// <summary>What a user's forward hook may have come to: the tap sees what the layer puts out behind it.</summary>
    public static InvalidOperationException NotAsPutOut() => new(
        "No private step was taken, and nothing was changed: what a convolution put out has another shape behind its forward hooks. " +
        "Change it in the model instead of in a hook of the layer.");

    private long Length => _values.shape[1] * _patches.Length / _groups;

    /// <summary>Bytes of what is made at a time of one example.</summary>
    private long ExampleBytes => _values.element_size() * (2 * Length + (_products is null ? 2L * _patches.Positions * _patches.Length : 0));

    public override Tensor SquaredNorms(Microbatches microbatches)
    {
        if (_products is not null)
        {
            _kept = _workspace.Keep(_values.dtype, _values.shape[0], Length);
            if (_kept is not null || microbatches.IsOneExampleEach)
            {
                var norms = Norms(_products, _kept);
                if (microbatches.IsOneExampleEach)
                    return WithRounding(norms, 1, rows => rows);
            }
        }
        return _workspace.ByParts(microbatches.Count, microbatches.Width * ExampleBytes, (first, count) =>
        {
            Tensor Some(Tensor rows) => microbatches.Group(rows, first, count);
            var norms = new WrittenOutGradient(WriteOut(rows => Some(rows).flatten(0, 1)))
                .SquaredNorms(Microbatches.Consecutive(count * microbatches.Width, microbatches.Width));
            return WithRounding(norms, microbatches.Width, Some);
        });
    }

    public override void AddWeightedSum(Tensor weights, Tensor total)
    {
        if (_kept is not null)
            new WrittenOutGradient(_kept).AddWeightedSum(weights, total);
        else if (_products is not null)
            _products.AddWeightedSum(weights, total);
        else
        {
            foreach (var (first, count) in _workspace.Parts(_values.shape[0], ExampleBytes))
            {
                using var scope = NewDisposeScope();
                new WrittenOutGradient(WriteOut(rows => rows.narrow(0, first, count))).AddWeightedSum(weights.narrow(0, first, count), total);
            }
        }
    }

    public override Tensor WriteOut() => _kept ?? WriteOut(room: null);

    /// <summary>The same in memory of the workspace, if there is room.</summary>
    public override Tensor WriteOutToKeep() =>
        WriteOut(_products is null ? null : _workspace.Keep(_values.dtype, _values.shape[0], Length));

    private Tensor WriteOut(Tensor? room)
    {
        if (_products is null)
            return OnAnyDeviceByParts();
        room ??= empty(_values.shape[0], Length, dtype: _values.dtype);
        Norms(_products, room).Dispose();
        return room;
    }

    public override PerExampleGradient Without(Tensor drop) => _kept is null
        ? Of(rows => Zeroed(rows, drop))
        : new WrittenOutGradient(Zeroed(_kept, drop));

    /// <summary>The gradients of some examples, written out.</summary>
    private Tensor WriteOut(Func<Tensor, Tensor> choose) => _kept is not null ? choose(_kept) : Of(choose).WriteOut();

    /// <summary>The same for some examples, or for examples that were changed.</summary>
    private ConvolutionGradient Of(Func<Tensor, Tensor> choose) => new(_patches, _groups, choose(_values), choose(_input), _workspace, _onAnyDevice);

    /// <summary>
    /// The clipped sum may be longer by the rounding of its factor and products, and, where the gradients are made again for it,
    /// by all that two ways of summing over positions can differ by.
    /// </summary>
    /// <param name="squared">Squared norms, which are exact for the gradients that they were taken of: [M].</param>
    /// <param name="width">Examples in a microbatch.</param>
    /// <param name="choose">From rows of all examples to those of each microbatch.</param>
    private Tensor WithRounding(Tensor squared, long width, Func<Tensor, Tensor> choose)
    {
        squared = squared.Multiply(1 + 8 * NormBound.UnitRoundoff(_values.dtype));
        if (_kept is not null)
            return squared;
        using var scope = NewDisposeScope();
        // A value of the input is in as many patches as the kernel has positions, at most.
        var sizes = NormBound.SquaredRows(choose(_values)).mul_(NormBound.SquaredRows(choose(_input))).Multiply(_patches.Kernel.Aggregate(1, (product, size) => product * size));
        return NormBound.WithRounding(squared, sizes, width * _patches.Positions, _values.dtype).MoveToOuterDisposeScope();
    }

    private Tensor Norms(IPatchProducts products, Tensor? kept)
    {
        var norms = empty(_values.shape[0], dtype: ScalarType.Float64);
        products.SquaredNorms(norms, kept);
        return norms;
    }

    /// <summary>The patches of a whole batch take many times what its gradients do.</summary>
    private Tensor OnAnyDeviceByParts()
    {
        var examples = _values.shape[0];
        if (_workspace.AtATime(examples, ExampleBytes) >= examples)
            return OnAnyDevice();
        var written = empty(examples, Length, dtype: _values.dtype, device: _values.device);
        foreach (var (first, count) in _workspace.Parts(examples, ExampleBytes))
        {
            using var scope = NewDisposeScope();
            written.narrow(0, first, count).copy_(Of(rows => rows.narrow(0, first, count)).OnAnyDevice());
        }
        return written;
    }

    /// <summary>The same with libtorch alone.</summary>
    private Tensor OnAnyDevice()
    {
        var (examples, positions) = (_values.shape[0], _values.shape[2]);
        var values = _values.reshape(examples * _groups, -1, positions);
        // The channels of a group are together, in the patches as in the values.
        var patches = _patches.Of(_input).reshape(examples, positions, _groups, -1).transpose(1, 2).reshape(examples * _groups, positions, -1);
        return values.bmm(patches).view(examples, -1);
    }
}
