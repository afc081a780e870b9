using DpSgd.Accounting;
using TorchSharp;
using static TorchSharp.torch;

namespace DpSgd;

/// <summary>Poisson batches of examples and labels that are held in two tensors.</summary>
/// <remarks>See <see cref="PoissonDataLoader{TBatch}"/>. For a TorchSharp dataset: <see cref="PoissonDatasetLoader"/>.</remarks>
public sealed class PoissonDataLoader : PoissonDataLoader<(Tensor Examples, Tensor Labels)>
{
    private readonly Tensor _examples;
    private readonly Tensor _labels;
    private readonly Device? _device;

    /// <summary>Draws from two tensors, which stay the caller's: keep them alive while the loader is in use.</summary>
    /// <param name="examples">[N, ...], one example a row.</param>
    /// <param name="labels">[N, ...], one label a row.</param>
    /// <param name="expectedBatchSize">Average batch size, from 1 to N.</param>
    /// <param name="device">Where the batches go; null for where the tensors are.</param>
    /// <param name="seedForTests">Null, the default, draws from the operating system's cryptographic generator. With a seed the batches are reproducible, and the amplification by sampling is void.</param>
    /// <exception cref="ArgumentNullException">A tensor is null.</exception>
    /// <exception cref="ArgumentException">The tensors do not have equally many rows.</exception>
    /// <exception cref="ArgumentOutOfRangeException">There are no rows, or <paramref name="expectedBatchSize"/> is outside its range.</exception>
    public PoissonDataLoader(Tensor examples, Tensor labels, int expectedBatchSize, Device? device = null, int? seedForTests = null)
        : base(Rows(examples, nameof(examples)), expectedBatchSize, seedForTests)
    {
        if (Rows(labels, nameof(labels)) != examples.shape[0])
            throw new ArgumentException($"There are {labels.shape[0]} labels for {examples.shape[0]} examples.", nameof(labels));
        _examples = examples;
        _labels = labels;
        _device = device;
    }

    /// <inheritdoc/>
    protected override (Tensor Examples, Tensor Labels) Collate(long[] indices)
    {
        using var index = tensor(indices, ScalarType.Int64);
        return (Select(_examples, index), Select(_labels, index));
    }

    /// <inheritdoc/>
    protected override void Release((Tensor Examples, Tensor Labels) batch)
    {
        batch.Examples.Dispose();
        batch.Labels.Dispose();
    }

    private Tensor Select(Tensor rows, Tensor index)
    {
        using var scope = NewDisposeScope();
        var selected = rows.index_select(0, index.to(rows.device));
        return (_device is null ? selected : selected.to(_device)).DetachFromDisposeScope();
    }

    private static long Rows(Tensor tensor, string name) =>
        Guard.NotNull(tensor, name).dim() > 0
            ? tensor.shape[0]
            : throw new ArgumentException($"{name} must have one row an example, but it is a scalar.", name);
}
