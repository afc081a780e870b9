using TorchSharp;
using static TorchSharp.torch;

namespace MnistCnn.Model;

/// <summary>
/// How Keras initialises a layer: weights uniform in +-sqrt(6 / (fan in + fan out)) (Glorot and Bengio, 2010), biases zero.
/// TorchSharp's own default is narrower, and under clipping to a fixed norm the start matters more than it otherwise does.
/// </summary>
public static class KerasInitialization
{
    /// <summary>Initialises all convolutional and linear layers, the only ones here that have parameters.</summary>
    /// <param name="model">The model.</param>
    /// <param name="seed">The same seed gives the same weights, whatever TorchSharp's global generator has given before.</param>
    public static void Apply(nn.Module model, long seed)
    {
        using var noGradient = no_grad();
        using var generator = new Generator((ulong)seed);
        foreach (var (_, parameter) in model.named_parameters())
        {
            if (parameter.dim() < 2)
            {
                parameter.zero_();
                continue;
            }
            // [out, in, ...]: a convolution's window counts as so many inputs, and as so many outputs.
            var window = parameter.numel() / (parameter.shape[0] * parameter.shape[1]);
            var limit = Math.Sqrt(6.0 / ((parameter.shape[0] + parameter.shape[1]) * window));
            parameter.uniform_(-limit, limit, generator);
        }
    }
}
