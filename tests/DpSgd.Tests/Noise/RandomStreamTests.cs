using System.Buffers.Binary;
using System.Security.Cryptography;

namespace DpSgd.Tests.Noise;

public class RandomStreamTests
{
    [Fact]
    public void Is_AES_of_the_counters_block_by_block_however_it_is_read()
    {
        byte[] key = [.. Enumerable.Range(1, RandomStream.KeyBytes).Select(i => (byte)i)];
        using var aes = Aes.Create();
        aes.Key = key;
        ulong Expected(int word)
        {
            var block = new byte[16];
            BinaryPrimitives.WriteInt64LittleEndian(block, word / 2);
            return BinaryPrimitives.ReadUInt64LittleEndian(aes.EncryptEcb(block, PaddingMode.None).AsSpan(word % 2 * 8));
        }

        using var stream = new RandomStream(key);
        var read = stream.Next(RandomStream.Words).ToArray().Concat(stream.Next(16).ToArray()).Concat(stream.Next(RandomStream.Words).ToArray()).ToArray();
        using var words = new RandomStream(key);
        for (var i = 0; i < read.Length; i++)
        {
            var one = words.NextWord();
            if (i < 40 || i % 97 == 0 || i > RandomStream.Words - 40)
                one.Should().Be(Expected(i));
            read[i].Should().Be(one);
        }
        read.Should().OnlyHaveUniqueItems();
    }
}
