namespace DpSgd;

/// <summary>Bytes from a seeded generator: reproducible, hence no protection.</summary>
internal sealed class SeededNoiseSource(int seed) : NoiseSource
{
    private readonly Random _random = new(seed);

    public override bool IsSecure => false;

    private protected override bool IsThreadSafe => false;

    private protected override void FillBytes(Span<byte> bytes) => _random.NextBytes(bytes);
}
