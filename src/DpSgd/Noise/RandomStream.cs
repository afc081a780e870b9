using System.Buffers;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using System.Security.Cryptography;

namespace DpSgd;

/// <summary>
/// Independent, uniformly distributed words that nobody can tell from truly random ones without the key: AES in counter
/// mode (NIST SP 800-38A), by the platform's own AES. A key serves for one stream and is forgotten with it.
/// </summary>
internal sealed class RandomStream : IDisposable
{
    /// <summary>Length of a key, for AES-128.</summary>
    public const int KeyBytes = 16;

    /// <summary>How many words come at a time: few enough to stay in the processor's cache.</summary>
    public const int Words = 8192;

    private readonly ICryptoTransform _encryptor;
    private readonly byte[] _counters = ArrayPool<byte>.Shared.Rent(Words * sizeof(ulong));
    private readonly byte[] _words = ArrayPool<byte>.Shared.Rent(Words * sizeof(ulong));
    private ulong _counter;
    private int _taken = Words;

    public RandomStream(ReadOnlySpan<byte> key)
    {
        using var aes = Aes.Create();
        aes.Mode = CipherMode.ECB;   // of counters that differ, which is what counter mode is
        aes.Padding = PaddingMode.None;
        aes.SetKey(key);
        _encryptor = aes.CreateEncryptor();
    }

    /// <summary>The next words.</summary>
    /// <param name="count">How many are needed, up to <see cref="Words"/>; a multiple of eight.</param>
    /// <returns>They are overwritten by the next call.</returns>
    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    public ReadOnlySpan<ulong> Next(int count)
    {
        ref var block = ref MemoryMarshal.GetReference(MemoryMarshal.Cast<byte, ulong>(_counters.AsSpan(0, count * sizeof(ulong))));
        var counters = Vector512.Create(_counter, 0, _counter + 1, 0, _counter + 2, 0, _counter + 3, 0);
        for (nuint i = 0; i < (nuint)count; i += 8)
        {
            counters.StoreUnsafe(ref block, i);
            counters += Vector512.Create(4ul, 0, 4, 0, 4, 0, 4, 0);
        }
        _counter += (ulong)count / 2;
        _encryptor.TransformBlock(_counters, 0, count * sizeof(ulong), _words, 0);
        return MemoryMarshal.Cast<byte, ulong>(_words.AsSpan(0, count * sizeof(ulong)));
    }

    /// <summary>The next word.</summary>
    public ulong NextWord()
    {
        if (_taken == Words)
        {
            Next(Words);
            _taken = 0;
        }
        return MemoryMarshal.Cast<byte, ulong>(_words.AsSpan())[_taken++];
    }

    public void Dispose()
    {
        _encryptor.Dispose();
        ArrayPool<byte>.Shared.Return(_counters);
        ArrayPool<byte>.Shared.Return(_words, clearArray: true);
    }
}
