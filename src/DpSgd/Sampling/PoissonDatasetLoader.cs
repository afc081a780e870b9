using DpSgd.Accounting;
using TorchSharp;
using static TorchSharp.torch;

namespace DpSgd;

/// <summary>Poisson batches of a TorchSharp <see cref="utils.data.Dataset"/>: each named tensor of the examples, stacked.</summary>
/// <remarks>See <see cref="PoissonDataLoader{TBatch}"/>. For data in two tensors: <see cref="PoissonDataLoader"/>.</remarks>
public sealed class PoissonDatasetLoader : PoissonDataLoader<IReadOnlyDictionary<string, Tensor>>
{
    private readonly utils.data.Dataset _dataset;
    private readonly Device? _device;
    private readonly bool _disposeDataset;

    /// <summary>Draws from a dataset.</summary>
    /// <param name="dataset">The examples.</param>
    /// <param name="expectedBatchSize">Average batch size, from 1 to the dataset's size.</param>
    /// <param name="device">Where the batches go; null for where the dataset's tensors are.</param>
    /// <param name="disposeDataset">Whether the dataset is disposed with the loader, as TorchSharp's own loader does.</param>
    /// <param name="seedForTests">Null, the default, draws from the operating system's cryptographic generator. With a seed the batches are reproducible, and the amplification by sampling is void.</param>
    /// <exception cref="ArgumentNullException"><paramref name="dataset"/> is null.</exception>
    /// <exception cref="ArgumentOutOfRangeException">The dataset is empty, or <paramref name="expectedBatchSize"/> is outside its range.</exception>
    public PoissonDatasetLoader(utils.data.Dataset dataset, int expectedBatchSize, Device? device = null, bool disposeDataset = true, int? seedForTests = null)
        : base(Guard.NotNull(dataset).Count, expectedBatchSize, seedForTests)
    {
        _dataset = dataset;
        _device = device;
        _disposeDataset = disposeDataset;
    }

    /// <inheritdoc/>
    protected override IReadOnlyDictionary<string, Tensor> Collate(long[] indices)
    {
        using var scope = NewDisposeScope();
        // An empty batch has the shapes of any example, so one is read and left out.
        var examples = (indices.Length > 0 ? indices : [0]).Select(_dataset.GetTensor).ToArray();
        return examples[0].Keys.ToDictionary(key => key, key =>
        {
            var rows = stack(examples.Select(example => example[key]), 0).narrow(0, 0, indices.Length);
            return (_device is null ? rows : rows.to(_device)).DetachFromDisposeScope();
        });
    }

    /// <inheritdoc/>
    protected override void Release(IReadOnlyDictionary<string, Tensor> batch)
    {
        foreach (var tensor in batch.Values)
            tensor.Dispose();
    }

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        if (disposing && _disposeDataset)
            _dataset.Dispose();
        base.Dispose(disposing);
    }
}
