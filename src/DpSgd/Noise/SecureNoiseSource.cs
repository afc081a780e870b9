using System.Security.Cryptography;

namespace DpSgd;

/// <summary>Bytes from the operating system's cryptographic generator. Safe for several threads.</summary>
internal sealed class SecureNoiseSource : NoiseSource
{
    public override bool IsSecure => true;

    private protected override bool IsThreadSafe => true;

    private protected override void FillBytes(Span<byte> bytes) => RandomNumberGenerator.Fill(bytes);
}
