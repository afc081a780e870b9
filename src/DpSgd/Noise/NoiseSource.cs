using DpSgd.Accounting;
using TorchSharp;
using static TorchSharp.torch;

namespace DpSgd;

/// <summary>Where the Gaussian noise of a private step comes from.</summary>
/// <remarks>
/// The guarantee holds only if nobody can predict the noise, so the default is <see cref="Secure"/>. A seeded source is for
/// tests; <see cref="IsSecure"/> says which one a source is.
/// </remarks>
public abstract class NoiseSource
{
    private const int ValuesAtATime = 2048;

    /// <summary>For sources of this library: their random bytes are what differs.</summary>
    private protected NoiseSource()
    {
    }

    /// <summary>Whether the noise is unpredictable: drawn from a cryptographic generator that nobody has seeded.</summary>
    public abstract bool IsSecure { get; }

    /// <summary>Noise from the operating system's cryptographic generator.</summary>
    public static NoiseSource Secure { get; } = new SecureNoiseSource();

    /// <summary>The same noise again in every run. For tests only: whoever knows the seed can take the noise away.</summary>
    /// <param name="seed">Any number.</param>
    public static NoiseSource SeededForTests(int seed) => new SeededNoiseSource(seed);

    /// <summary>Fills a span with independent, uniformly distributed bytes.</summary>
    private protected abstract void FillBytes(Span<byte> bytes);

    /// <summary>Adds an independent draw from N(0, standardDeviation^2) to each element, in place.</summary>
    /// <param name="values">A contiguous tensor of 32 or 64 bit floats, on any device.</param>
    /// <param name="standardDeviation">At least zero and finite; with zero nothing is drawn.</param>
    internal void AddGaussian(Tensor values, double standardDeviation)
    {
        Guard.NonNegativeFinite(standardDeviation);
        if (standardDeviation == 0 || values.numel() == 0)
            return;
        if (values.device_type != DeviceType.CPU)
        {
            using var noise = zeros(values.shape, dtype: values.dtype);
            AddGaussian(noise, standardDeviation);
            using var moved = noise.to(values.device);
            values.add_(moved);
            return;
        }

        Span<byte> bytes = stackalloc byte[ValuesAtATime * sizeof(ulong)];
        Span<double> normals = stackalloc double[ValuesAtATime];
        for (long start = 0; start < values.numel(); start += ValuesAtATime)
        {
            FillBytes(bytes);
            BoxMuller.Transform(bytes, normals);
            AddScaled(values, start, normals, standardDeviation);
        }
    }

    private static unsafe void AddScaled(Tensor values, long start, ReadOnlySpan<double> normals, double scale)
    {
        // A span over the whole tensor would be limited to 2 GiB.
        var count = (int)Math.Min(normals.Length, values.numel() - start);
        using var slice = values.view(-1).narrow(0, start, count);
        switch (values.dtype)
        {
            case ScalarType.Float32:
                var singles = System.Runtime.InteropServices.MemoryMarshal.Cast<byte, float>(slice.bytes);
                for (var i = 0; i < singles.Length; i++)
                    singles[i] = (float)(singles[i] + scale * normals[i]);
                break;
            case ScalarType.Float64:
                var doubles = System.Runtime.InteropServices.MemoryMarshal.Cast<byte, double>(slice.bytes);
                for (var i = 0; i < doubles.Length; i++)
                    doubles[i] += scale * normals[i];
                break;
            default:
                throw new NotSupportedException($"Noise for {values.dtype}; it must be Float32 or Float64.");
        }
    }
}
