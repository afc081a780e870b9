using System.Runtime.InteropServices;
using System.Security.Cryptography;
using DpSgd.Accounting;
using DpSgd.Threading;
using TorchSharp;
using static TorchSharp.torch;

namespace DpSgd;

/// <summary>Where the noise of a private step comes from.</summary>
/// <remarks>
/// The guarantee holds only if nobody can predict the noise, so the default is <see cref="Secure"/>. A seeded source is for
/// tests; <see cref="IsSecure"/> says which one a source is.
/// </remarks>
public abstract class NoiseSource
{
    /// <summary>Values that one key serves for, and that one thread draws at a time.</summary>
    internal const long Segment = 1 << 18;

    /// <summary>About how many operations a value takes.</summary>
    private const double OperationsPerValue = 60;

    private readonly NoiseMechanism _mechanism;

    /// <summary>For sources of this library: where the keys come from is what differs.</summary>
    private protected NoiseSource(NoiseMechanism mechanism) => _mechanism = mechanism;

    /// <summary>Whether the noise is unpredictable: drawn from a cryptographic generator that nobody has seeded.</summary>
    public abstract bool IsSecure { get; }

    /// <summary>
    /// Noise that nobody can predict: AES in counter mode, with keys from the operating system's cryptographic generator
    /// that serve once and are not kept.
    /// </summary>
    public static NoiseSource Secure { get; } = new SecureNoiseSource(new RoundedGaussian());

    /// <summary>
    /// Exact noise, for those who need it: a discrete Gaussian on a grid (Canonne, Kamath, Steinke, arXiv:2004.00010), drawn
    /// with whole numbers alone, as unpredictable as <see cref="Secure"/> and many times slower.
    /// </summary>
    /// <remarks>
    /// Its steps are accounted as what they are, <see cref="DiscreteGaussianDpEvent"/>, with the sensitivity that rounding the sum
    /// to the grid adds. <see cref="PldAccountant"/> has no bound for them; use <see cref="RdpAccountant"/>.
    /// </remarks>
    public static NoiseSource DiscreteGaussian { get; } = new SecureNoiseSource(new DiscreteGaussian());

    /// <summary>The same noise again in every run. For tests only: whoever knows the seed can take the noise away.</summary>
    /// <param name="seed">Any number.</param>
    public static NoiseSource SeededForTests(int seed) => new SeededNoiseSource(new RoundedGaussian(), seed);

    /// <summary>What noise it is and where it comes from.</summary>
    public override string ToString() => $"{_mechanism.GetType().Name} from {GetType().Name}";

    /// <summary>Fills a span with keys: independent, uniformly distributed bytes.</summary>
    private protected abstract void FillKeys(Span<byte> keys);

    /// <inheritdoc cref="NoiseMechanism.EventOf"/>
    internal DpEvent EventOf(double noiseMultiplier, double standardDeviation, long dimension) =>
        _mechanism.EventOf(noiseMultiplier, standardDeviation, dimension);

    /// <summary>Adds an independent draw with the given standard deviation to each element, in place.</summary>
    /// <param name="values">A contiguous tensor of 32 or 64 bit floats, on any device.</param>
    /// <param name="standardDeviation">At least zero and finite; with zero nothing is drawn.</param>
    /// <param name="threads">How many threads draw, at least one; null for as many as are worth while.</param>
    internal void AddTo(Tensor values, double standardDeviation, int? threads = null)
    {
        Guard.NonNegativeFinite(standardDeviation);
        if (standardDeviation == 0 || values.numel() == 0)
            return;
        if (values.device_type == DeviceType.CPU)
            AddOnHost(values, standardDeviation, threads);
        else
            AddByWayOfHost(values, standardDeviation, threads);
    }

    /// <summary>For other devices. The sum is fetched, not the noise sent: noise and rounding are one, and only the host's are known.</summary>
    internal void AddByWayOfHost(Tensor values, double standardDeviation, int? threads = null)
    {
        using var host = values.to(CPU, copy: true);
        AddOnHost(host, standardDeviation, threads);
        values.copy_(host);
    }

    private void AddOnHost(Tensor values, double standardDeviation, int? threads)
    {
        using var flat = values.view(-1);
        var segments = (int)((flat.numel() + Segment - 1) / Segment);
        var keys = new byte[segments * RandomStream.KeyBytes];
        FillKeys(keys);
        Team.For(segments, threads ?? Team.Threads(OperationsPerValue * (double)flat.numel()), AddToSegment);
        CryptographicOperations.ZeroMemory(keys);

        void AddToSegment(int segment)
        {
            var start = segment * Segment;
            using var slice = flat.narrow(0, start, Math.Min(Segment, flat.numel() - start));
            using var random = new RandomStream(keys.AsSpan(segment * RandomStream.KeyBytes, RandomStream.KeyBytes));
            switch (slice.dtype)
            {
                case ScalarType.Float32:
                    _mechanism.Add(MemoryMarshal.Cast<byte, float>(slice.bytes), random, standardDeviation);
                    break;
                case ScalarType.Float64:
                    _mechanism.Add(MemoryMarshal.Cast<byte, double>(slice.bytes), random, standardDeviation);
                    break;
                default:
                    throw new NotSupportedException($"Noise for {slice.dtype}; it must be Float32 or Float64.");
            }
        }
    }
}
