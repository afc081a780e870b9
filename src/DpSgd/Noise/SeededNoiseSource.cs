namespace DpSgd;

/// <summary>Keys from a seeded generator: reproducible, hence no protection.</summary>
internal sealed class SeededNoiseSource(NoiseMechanism mechanism, int seed) : NoiseSource(mechanism)
{
    private readonly Random _random = new(seed);

    public override bool IsSecure => false;

    private protected override void FillKeys(Span<byte> keys) => _random.NextBytes(keys);
}
