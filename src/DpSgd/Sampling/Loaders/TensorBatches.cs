using DpSgd.Accounting;
using TorchSharp;
using static TorchSharp.torch;

namespace DpSgd;

/// <summary>Examples and labels that are held in two tensors, which stay the caller's.</summary>
internal sealed class TensorBatches : IBatchSource<(Tensor Examples, Tensor Labels)>
{
    private readonly Tensor _examples;
    private readonly Tensor _labels;
    private readonly Device? _device;

    public TensorBatches(Tensor examples, Tensor labels, Device? device)
    {
        Count = Rows(examples, nameof(examples));
        if (Rows(labels, nameof(labels)) != Count)
            throw new ArgumentException($"There are {labels.shape[0]} labels for {Count} examples.", nameof(labels));
        _examples = examples;
        _labels = labels;
        _device = device;
    }

    public long Count { get; }

    public (Tensor Examples, Tensor Labels) Collate(long[] indices)
    {
        using var scope = NewDisposeScope();
        using var index = tensor(indices, ScalarType.Int64);
        var (examples, labels) = (Select(_examples, index), Select(_labels, index));
        return (examples.DetachFromDisposeScope(), labels.DetachFromDisposeScope());
    }

    public IEnumerable<Tensor> TensorsOf((Tensor Examples, Tensor Labels) batch) => [batch.Examples, batch.Labels];

    public void Dispose()
    {
    }

    private Tensor Select(Tensor rows, Tensor index)
    {
        if (rows.IsInvalid)
            throw new InvalidOperationException("The tensors that the loader draws from were disposed. Keep them until it is not used any more.");
        var selected = rows.index_select(0, index.to(rows.device));
        return _device is null ? selected : selected.to(_device);
    }

    private static long Rows(Tensor tensor, string name) => Guard.NotNull(tensor, name).dim() switch
    {
        0 => throw new ArgumentException($"{name} must have one row an example, but it is a scalar.", name),
        _ when tensor.shape[0] == 0 => throw new ArgumentOutOfRangeException(name, 0, $"{name} must have at least one row to draw from."),
        _ => tensor.shape[0],
    };
}
