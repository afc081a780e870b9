namespace DpSgd.ML;

/// <summary>A layer that computes <c>weights * input + bias</c>.</summary>
/// <param name="InputSize">Number of inputs.</param>
/// <param name="Weights">[outputs, inputs], one output a row.</param>
/// <param name="Bias">One number an output.</param>
public sealed record DenseLayer(int InputSize, ReadOnlyMemory<float> Weights, ReadOnlyMemory<float> Bias)
{
    /// <summary>Number of outputs.</summary>
    public int OutputSize => Bias.Length;
}
