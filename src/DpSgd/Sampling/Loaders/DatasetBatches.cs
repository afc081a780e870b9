using DpSgd.Accounting;
using TorchSharp;
using static TorchSharp.torch;

namespace DpSgd;

/// <summary>The examples of a TorchSharp dataset: each of their named tensors, stacked.</summary>
internal sealed class DatasetBatches(utils.data.Dataset dataset, Device? device, bool disposeDataset)
    : IBatchSource<IReadOnlyDictionary<string, Tensor>>
{
    private readonly utils.data.Dataset _dataset = Guard.NotNull(dataset);

    public long Count => _dataset.Count;

    public IReadOnlyDictionary<string, Tensor> Collate(long[] indices)
    {
        using var scope = NewDisposeScope();
        // An empty batch has the shapes of any example, so one is read and left out.
        var examples = (indices.Length > 0 ? indices : [0]).Select(_dataset.GetTensor).ToArray();
        var batch = examples[0].Keys.ToDictionary(key => key, key =>
        {
            var rows = stack(examples.Select(example => example[key]), 0).narrow(0, 0, indices.Length);
            return device is null ? rows : rows.to(device);
        });
        foreach (var rows in batch.Values)
            rows.DetachFromDisposeScope();
        return batch;
    }

    public IEnumerable<Tensor> TensorsOf(IReadOnlyDictionary<string, Tensor> batch) => batch.Values;

    public void Dispose()
    {
        if (disposeDataset)
            _dataset.Dispose();
    }
}
