using System.Runtime.InteropServices;
using static TorchSharp.torch;

namespace DpSgd.ML.Training;

/// <summary>Poisson batches of training rows.</summary>
internal sealed class RowLoader(TrainingRows rows, int expectedBatchSize)
    : PoissonDataLoader<(Tensor Features, Tensor Labels)>(rows.Count, expectedBatchSize, seedForTests: null)
{
    protected override (Tensor Features, Tensor Labels) Collate(long[] indices)
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

    protected override void Release((Tensor Features, Tensor Labels) batch)
    {
        batch.Features.Dispose();
        batch.Labels.Dispose();
    }
}
