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
    private Tensor? _kept;

    /// <param name="patches">What the kernel sees of the input.</param>
    /// <param name="groups">Number of groups.</param>
    /// <param name="values">[B, channels, positions...]: what is multiplied with the patches.</param>
    /// <param name="input">[B, channels, ...]: what the patches are taken of.</param>
    /// <param name="workspace">Memory.</param>
    public ConvolutionGradient(Patches patches, long groups, Tensor values, Tensor input, Workspace workspace)
    {
        _patches = patches;
        _groups = groups;
        _values = values.reshape(values.shape[0], values.shape[1], -1).contiguous();
        _input = input.contiguous();
        _workspace = workspace;
    }

    private long Length => _values.shape[1] * _patches.Length / _groups;

    public override Tensor SquaredNorms(Microbatches microbatches)
    {
        if (!microbatches.IsOneExampleEach)
            return new WrittenOutGradient(WriteOut()).SquaredNorms(microbatches);
        return OnProcessor(out var singles, out var doubles)
            ? Norms(_workspace.Keep(_values.dtype, _values.shape[0], Length), singles, doubles)
            : new WrittenOutGradient(WriteOut()).SquaredNorms(microbatches);
    }

    public override void AddWeightedSum(Tensor weights, Tensor total)
    {
        if (_kept is null && OnProcessor(out var singles, out var doubles))
        {
            singles?.AddWeightedSum(weights, total);
            doubles?.AddWeightedSum(weights, total);
            return;
        }
        new WrittenOutGradient(WriteOut()).AddWeightedSum(weights, total);
    }

    public override Tensor WriteOut()
    {
        if (_kept is null && OnProcessor(out var singles, out var doubles))
            Norms(empty(_values.shape[0], Length, dtype: _values.dtype), singles, doubles);
        return _kept ??= OnAnyDevice();
    }

    public override PerExampleGradient Without(Tensor drop) => _kept is null
        ? new ConvolutionGradient(_patches, _groups, Zeroed(_values, drop), Zeroed(_input, drop), _workspace)
        : new WrittenOutGradient(Zeroed(_kept, drop));

    private Tensor Norms(Tensor? kept, PatchProducts<float>? singles, PatchProducts<double>? doubles)
    {
        var norms = empty(_values.shape[0], dtype: ScalarType.Float64);
        singles?.SquaredNorms(norms, kept);
        doubles?.SquaredNorms(norms, kept);
        _kept = kept;
        return norms;
    }

    private bool OnProcessor(out PatchProducts<float>? singles, out PatchProducts<double>? doubles)
    {
        var isHere = _values.device_type == DeviceType.CPU;
        singles = isHere && _values.dtype == ScalarType.Float32 ? new(_patches, (int)_groups, _values, _input, _workspace) : null;
        doubles = isHere && _values.dtype == ScalarType.Float64 ? new(_patches, (int)_groups, _values, _input, _workspace) : null;
        return singles is not null || doubles is not null;
    }

    /// <summary>The same with libtorch alone.</summary>
    internal Tensor OnAnyDevice()
    {
        var (examples, positions) = (_values.shape[0], _values.shape[2]);
        var values = _values.reshape(examples * _groups, -1, positions);
        // The channels of a group are together, in the patches as in the values.
        var patches = _patches.Of(_input).reshape(examples, positions, _groups, -1).transpose(1, 2).reshape(examples * _groups, positions, -1);
        return values.bmm(patches).view(examples, -1);
    }
}
