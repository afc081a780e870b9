using TorchSharp;
using static TorchSharp.torch;

namespace DpSgd;

/// <summary>Poisson batches of bounded size of a TorchSharp <see cref="utils.data.Dataset"/>: each named tensor of the examples, stacked.</summary>
/// <remarks>See <see cref="TruncatedPoissonSampling"/>. How loaders work is said at <see cref="DPDataLoader{TBatch}"/>. For data in two tensors: <see cref="TruncatedPoissonDataLoader"/>.</remarks>
/// <param name="dataset">The examples.</param>
/// <param name="expectedBatchSize">Average size of the Poisson sample, from 1 to the dataset's size.</param>
/// <param name="maxBatchSize">The most examples of a batch, from 1 to the dataset's size: of a larger sample so many are kept at random.</param>
/// <param name="device">Where the batches go; null for where the dataset's tensors are.</param>
/// <param name="disposeDataset">Whether the dataset is disposed with the loader, as TorchSharp's own loader does.</param>
/// <param name="seedForTests">Null, the default, draws from the operating system's cryptographic generator. With a seed the batches are reproducible, and the amplification by sampling is void.</param>
/// <param name="maxPhysicalBatchSize">The most examples to hand out at a time, at least one; null hands out every batch whole.</param>
/// <param name="prefetch">How many batches (or pieces) to make ahead on a thread of its own, which then uses the dataset; 0, the default, makes each when it is asked for.</param>
/// <exception cref="ArgumentNullException"><paramref name="dataset"/> is null.</exception>
/// <exception cref="ArgumentOutOfRangeException">The dataset is empty, or a number is outside its range.</exception>
public sealed class TruncatedPoissonDatasetLoader(
    utils.data.Dataset dataset, int expectedBatchSize, int maxBatchSize, Device? device = null, bool disposeDataset = true, int? seedForTests = null, int? maxPhysicalBatchSize = null, int prefetch = 0)
    : DPDataLoader<TruncatedPoissonSampling, IReadOnlyDictionary<string, Tensor>>(
        new DatasetBatches(dataset, device, disposeDataset), count => TruncatedPoissonSampling.Of(expectedBatchSize, maxBatchSize, count),
        maxPhysicalBatchSize, prefetch, seedForTests);
