using System.Security.Cryptography;

namespace DpSgd;

/// <summary>Keys from the operating system's cryptographic generator. Safe for several threads.</summary>
internal sealed class SecureNoiseSource(NoiseMechanism mechanism) : NoiseSource(mechanism)
{
    public override bool IsSecure => true;

    private protected override void FillKeys(Span<byte> keys) => RandomNumberGenerator.Fill(keys);
}
