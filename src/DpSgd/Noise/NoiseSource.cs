using System.Runtime.InteropServices;
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

    // Fewer are drawn on this thread: after others have run, libtorch's own threads take milliseconds to get going.
    private const long ValuesWorthAThread = 1 << 20;

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

    /// <summary>Whether several threads may draw at once. A sequence that must come again has to be drawn in order.</summary>
    private protected abstract bool IsThreadSafe { get; }

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
        var parts = IsThreadSafe ? Math.Clamp(values.numel() / ValuesWorthAThread, 1, Environment.ProcessorCount) : 1;
        var length = (values.numel() + parts - 1) / parts;
        using var flat = values.view(-1);
        if (parts == 1)
            AddGaussianTo(flat, 0, length, standardDeviation);
        else
            Parallel.For(0, parts, part => AddGaussianTo(flat, part * length, Math.Min((part + 1) * length, flat.numel()), standardDeviation));
    }

    private void AddGaussianTo(Tensor flat, long start, long end, double standardDeviation)
    {
        Span<byte> bytes = stackalloc byte[ValuesAtATime * sizeof(ulong)];
        Span<double> normals = stackalloc double[ValuesAtATime];
        for (; start < end; start += ValuesAtATime)
        {
            var count = (int)Math.Min(ValuesAtATime, end - start);
            var drawn = (count + BoxMuller.Block - 1) / BoxMuller.Block * BoxMuller.Block;
            FillBytes(bytes[..(drawn * sizeof(ulong))]);
            BoxMuller.Transform(bytes, normals[..drawn]);
            // A span over the whole tensor could not be longer than 2 GiB.
            using var slice = flat.narrow(0, start, count);
            AddScaled(slice, normals, standardDeviation);
        }
    }

    private static void AddScaled(Tensor slice, ReadOnlySpan<double> normals, double scale)
    {
        switch (slice.dtype)
        {
            case ScalarType.Float32:
                var singles = MemoryMarshal.Cast<byte, float>(slice.bytes);
                for (var i = 0; i < singles.Length; i++)
                    singles[i] = (float)(singles[i] + scale * normals[i]);
                break;
            case ScalarType.Float64:
                var doubles = MemoryMarshal.Cast<byte, double>(slice.bytes);
                for (var i = 0; i < doubles.Length; i++)
                    doubles[i] += scale * normals[i];
                break;
            default:
                throw new NotSupportedException($"Noise for {slice.dtype}; it must be Float32 or Float64.");
        }
    }
}
