using System.Numerics.Tensors;

namespace DpSgd.ML.Scoring;

/// <summary>
/// The network, computed without TorchSharp: predictions are of one row at a time, on any thread, and need no native library.
/// </summary>
/// <param name="Ranges">How features are scaled: none, one range for all, or one for each.</param>
/// <param name="Layers">Layers; tanh stands between them.</param>
internal sealed record DenseNetwork(IReadOnlyList<ValueRange> Ranges, IReadOnlyList<DenseLayer> Layers)
{
    public int Outputs => Layers[^1].OutputSize;

    /// <summary>Scales features in place.</summary>
    public static void Scale(IReadOnlyList<ValueRange> ranges, Span<float> features)
    {
        for (var i = 0; ranges.Count > 0 && i < features.Length; i++)
            features[i] = ranges[ranges.Count == 1 ? 0 : i].Scale(features[i]);
    }

    /// <summary>Memory for <see cref="Forward"/>, one piece a layer; not to be shared between threads.</summary>
    public float[][] MakeWorkspace() => [new float[Layers[0].InputSize], .. Layers.Select(layer => new float[layer.OutputSize])];

    /// <summary>Computes the outputs of the features that the first piece of the workspace holds.</summary>
    /// <returns>The last piece of it.</returns>
    public ReadOnlySpan<float> Forward(float[][] workspace)
    {
        Scale(Ranges, workspace[0]);
        for (var i = 0; i < Layers.Count; i++)
        {
            var (layer, input, output) = (Layers[i], workspace[i], workspace[i + 1]);
            var weights = layer.Weights.Span;
            var bias = layer.Bias.Span;
            for (var j = 0; j < output.Length; j++)
                output[j] = bias[j] + TensorPrimitives.Dot(weights.Slice(j * input.Length, input.Length), input);
            if (i < Layers.Count - 1)
                TensorPrimitives.Tanh(output, output);
        }
        return workspace[^1];
    }
}
