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
    private readonly IPatchProducts? _products;   // null where libtorch has to do it
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
        _products = (_values.device_type, _values.dtype) switch
        {
            (DeviceType.CPU, ScalarType.Float32) => new PatchProducts<float>(patches, (int)groups, _values, _input, workspace),
            (DeviceType.CPU, ScalarType.Float64) => new PatchProducts<double>(patches, (int)groups, _values, _input, workspace),
            _ => null,
        };
    }

    private long Length => _values.shape[1] * _patches.Length / _groups;

    public override Tensor SquaredNorms(Microbatches microbatches) => _products is not null && microbatches.IsOneExampleEach
        ? Norms(_products, _workspace.Keep(_values.dtype, _values.shape[0], Length))
        : new WrittenOutGradient(WriteOut()).SquaredNorms(microbatches);

    public override void AddWeightedSum(Tensor weights, Tensor total)
    {
        if (_kept is null && _products is not null)
            _products.AddWeightedSum(weights, total);
        else
            new WrittenOutGradient(WriteOut()).AddWeightedSum(weights, total);
    }

    public override Tensor WriteOut()
    {
        if (_kept is null && _products is not null)
            Norms(_products, _workspace.Keep(_values.dtype, _values.shape[0], Length) ?? empty(_values.shape[0], Length, dtype: _values.dtype));
        return _kept ??= OnAnyDevice();
    }

    public override PerExampleGradient Without(Tensor drop) => _kept is null
        ? new ConvolutionGradient(_patches, _groups, Zeroed(_values, drop), Zeroed(_input, drop), _workspace)
        : new WrittenOutGradient(Zeroed(_kept, drop));

    private Tensor Norms(IPatchProducts products, Tensor? kept)
    {
        var norms = empty(_values.shape[0], dtype: ScalarType.Float64);
        products.SquaredNorms(norms, kept);
        _kept = kept;
        return norms;
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
