using System.Runtime.InteropServices;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace DpSgd.ML.Training;

/// <summary>
/// Adam (Kingma and Ba, 2015) with its update written out over the memory of the weights. TorchSharp 0.107's own makes a
/// dozen native calls a parameter with numbers whose native copies the garbage collector may release before they are read.
/// Where other threads allocate, as ML.NET's do, that was seen to happen: a step then throws, or could be a wrong one.
/// </summary>
internal sealed class ManagedAdam : Adam
{
    private const float Beta1 = 0.9f;
    private const float Beta2 = 0.999f;
    private const float Epsilon = 1e-8f;
    private readonly double _learningRate;
    private readonly IReadOnlyList<(Parameter Weights, float[] Mean, float[] Square)> _trained;
    private int _steps;

    /// <param name="parameters">32 bit floats, on the processor.</param>
    /// <param name="learningRate">Step size.</param>
    public ManagedAdam(IReadOnlyList<Parameter> parameters, double learningRate) : base(parameters, learningRate)
    {
        _learningRate = learningRate;
        _trained = [.. parameters.Select(weights => (weights, new float[weights.numel()], new float[weights.numel()]))];
    }

    public override Tensor step(Func<Tensor>? closure = null)
    {
        _steps++;
        foreach (var (weights, mean, square) in _trained)
        {
            if (weights.grad is { } gradient)
            {
                Update(Values(weights), Values(gradient), mean, square);
                GC.KeepAlive(gradient);
            }
        }
        return null!;
    }

    private void Update(Span<float> weights, ReadOnlySpan<float> gradient, Span<float> mean, Span<float> square)
    {
        var rate = (float)(_learningRate / (1 - Math.Pow(Beta1, _steps)));
        var correction = (float)(1 / Math.Sqrt(1 - Math.Pow(Beta2, _steps)));
        for (var i = 0; i < weights.Length; i++)
        {
            mean[i] = Beta1 * mean[i] + (1 - Beta1) * gradient[i];
            square[i] = Beta2 * square[i] + (1 - Beta2) * gradient[i] * gradient[i];
            weights[i] -= rate * mean[i] / (MathF.Sqrt(square[i]) * correction + Epsilon);
        }
    }

    private static Span<float> Values(Tensor tensor) => MemoryMarshal.Cast<byte, float>(tensor.bytes);
}
