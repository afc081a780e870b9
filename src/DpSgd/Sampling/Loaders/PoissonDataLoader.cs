using TorchSharp;
using static TorchSharp.torch;

namespace DpSgd;

/// <summary>Poisson batches of examples and labels that are held in two tensors.</summary>
/// <remarks>
/// Each example is present independently of all others with the same probability, which is what the usual privacy
/// amplification bounds are about. Batches differ in size and can be empty. How loaders work is said at <see cref="DPDataLoader{TBatch}"/>. For a TorchSharp dataset: <see cref="PoissonDatasetLoader"/>.
/// </remarks>
/// <param name="examples">[N, ...], one example a row. It stays the caller's: keep it alive while the loader is in use.</param>
/// <param name="labels">[N, ...], one label a row; the same holds for it.</param>
/// <param name="expectedBatchSize">Average batch size, from 1 to N.</param>
/// <param name="device">Where the batches go; null for where the tensors are.</param>
/// <param name="seedForTests">Null, the default, draws from the operating system's cryptographic generator. With a seed the batches are reproducible, and the amplification by sampling is void.</param>
/// <param name="maxPhysicalBatchSize">The most examples to hand out at a time, at least one; null hands out every batch whole.</param>
/// <param name="prefetch">How many batches (or pieces) to make ahead on a thread of its own; 0, the default, makes each when it is asked for.</param>
/// <exception cref="ArgumentNullException">A tensor is null.</exception>
/// <exception cref="ArgumentException">The tensors do not have equally many rows.</exception>
/// <exception cref="ArgumentOutOfRangeException">There are no rows, or a number is outside its range.</exception>
public sealed class PoissonDataLoader(
    Tensor examples, Tensor labels, int expectedBatchSize, Device? device = null, int? seedForTests = null, int? maxPhysicalBatchSize = null, int prefetch = 0)
    : DPDataLoader<PoissonSampling, (Tensor Examples, Tensor Labels)>(
        new TensorBatches(examples, labels, device), count => PoissonSampling.Of(expectedBatchSize, count),
        maxPhysicalBatchSize, prefetch, seedForTests);
