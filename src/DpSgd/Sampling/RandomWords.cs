using System.Runtime.InteropServices;
using System.Security.Cryptography;

namespace DpSgd;

/// <summary>The randomness that decides who is in a batch.</summary>
/// <param name="random">Null for the operating system's cryptographic generator.</param>
internal sealed class RandomWords(Random? random)
{
    private readonly ulong[] _words = new ulong[512];
    private int _used = int.MaxValue;

    /// <summary>Words that follow from a seed and a number alone, however the words of other numbers were used.</summary>
    public static RandomWords OfSeed(int seed, long number) =>
        new(new Random(BitConverter.ToInt32(SHA256.HashData([.. BitConverter.GetBytes(seed), .. BitConverter.GetBytes(number)]))));

    /// <summary>A multiple of 2^-53 in (0, 1].</summary>
    public double Uniform() => ((Next() >> 11) + 1) / (double)(1L << 53);

    /// <summary>A number in 0 .. bound-1, each as likely as any other (Lemire, arXiv:1805.10941).</summary>
    public long Below(long bound)
    {
        var range = (ulong)bound;
        var high = Math.BigMul(Next(), range, out var low);
        if (low < range)
        {
            // What is left of 2^64 when it is cut into equal parts would favour some numbers.
            for (var left = (0 - range) % range; low < left;)
                high = Math.BigMul(Next(), range, out low);
        }
        return (long)high;
    }

    private ulong Next()
    {
        if (_used >= _words.Length)
        {
            var bytes = MemoryMarshal.AsBytes(_words.AsSpan());
            if (random is null)
                RandomNumberGenerator.Fill(bytes);
            else
                random.NextBytes(bytes);
            _used = 0;
        }
        return _words[_used++];
    }
}
