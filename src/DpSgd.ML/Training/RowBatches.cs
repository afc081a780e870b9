using System.Runtime.InteropServices;
using static TorchSharp.torch;

namespace DpSgd.ML.Training;

/// <summary>Training rows, put together into batches.</summary>
internal sealed class RowBatches(TrainingRows rows) : IBatchSource<(Tensor Features, Tensor Labels)>
{
    public long Count => rows.Count;

    public (Tensor Features, Tensor Labels) Collate(long[] indices)
    {
        var features = empty([indices.Length, rows.FeatureCount], ScalarType.Float32);
        var labels = empty([indices.Length], ScalarType.Float32);
        if (indices.Length == 0)
            return (features, labels);   // it has no memory to write to
        var featureValues = MemoryMarshal.Cast<byte, float>(features.bytes);
        var labelValues = MemoryMarshal.Cast<byte, float>(labels.bytes);
        for (var i = 0; i < indices.Length; i++)
        {
            rows.Features(indices[i]).CopyTo(featureValues[(i * rows.FeatureCount)..]);
            labelValues[i] = rows.Label(indices[i]);
        }
        return (features, labels);
    }

    public IEnumerable<Tensor> TensorsOf((Tensor Features, Tensor Labels) batch) => [batch.Features, batch.Labels];

    public void Dispose()
    {
    }

    /// <summary>Poisson batches of the rows.</summary>
    public static DPDataLoader<(Tensor Features, Tensor Labels)> Loader(TrainingRows rows, int expectedBatchSize) =>
        new(new RowBatches(rows), new PoissonSampling((double)expectedBatchSize / rows.Count, rows.Count));
}
