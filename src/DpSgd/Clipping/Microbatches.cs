using System.Security.Cryptography;
using static TorchSharp.torch;

namespace DpSgd.Clipping;

/// <summary>
/// Which examples of a batch share a microbatch. A microbatch's gradient is the average over its examples, and is clipped
/// as one.
/// </summary>
internal sealed class Microbatches
{
    private readonly long[]? _members;   // [Count * Width] positions in the batch, BatchSize where there is no example

    private Microbatches(long batchSize, long count, long width, IReadOnlyList<long>? sizes = null, long[]? members = null)
    {
        BatchSize = batchSize;
        Count = count;
        Width = width;
        Sizes = sizes;
        _members = members;
    }

    /// <summary>Number of examples.</summary>
    public long BatchSize { get; }

    /// <summary>Number of microbatches.</summary>
    public long Count { get; }

    /// <summary>The most examples that one has.</summary>
    public long Width { get; }

    /// <summary>How many examples each has; null when all have <see cref="Width"/>.</summary>
    public IReadOnlyList<long>? Sizes { get; }

    /// <summary>Whether each example is a microbatch, in the order of the batch.</summary>
    public bool IsOneExampleEach => Width == 1 && _members is null;

    /// <summary>Each example by itself.</summary>
    public static Microbatches OfOne(long batchSize) => new(batchSize, batchSize, 1);

    /// <summary>Examples that follow each other, <paramref name="size"/> at a time; the last may have fewer.</summary>
    public static Microbatches Consecutive(long batchSize, long size)
    {
        if (size == 1)
            return OfOne(batchSize);
        var count = (batchSize + size - 1) / size;
        if (batchSize % size == 0)
            return new(batchSize, count, size);
        return Of(Enumerable.Range(0, (int)batchSize).Select(i => i / size), batchSize, count);
    }

    /// <summary>
    /// Each example goes into one of <paramref name="count"/> microbatches at random, independently of all others, so that
    /// one example more or less changes no other's place.
    /// </summary>
    public static Microbatches AtRandom(long batchSize, int count) =>
        Of(Enumerable.Range(0, (int)batchSize).Select(_ => (long)RandomNumberGenerator.GetInt32(count)), batchSize, count);

    /// <summary>
    /// A random partition into parts of <paramref name="size"/> examples, each partition as likely as any other; one part may
    /// have fewer. For batches whose size is public: the places of the others do not depend on which example is at one.
    /// </summary>
    public static Microbatches AtRandomInEqualParts(long batchSize, long size)
    {
        var places = new long[batchSize];
        for (var i = 0; i < batchSize; i++)
            places[i] = i / size;
        RandomNumberGenerator.Shuffle<long>(places);
        return Of(places, batchSize, (batchSize + size - 1) / size);
    }

    /// <summary>Examples that follow each other, so many in each microbatch.</summary>
    public static Microbatches OfSizes(IReadOnlyList<long> sizes) => sizes.All(size => size == sizes[0])
        ? new(sizes[0] * sizes.Count, sizes.Count, sizes[0])
        : Of(sizes.SelectMany((size, i) => Enumerable.Repeat((long)i, (int)size)), sizes.Sum(), sizes.Count);

    private static Microbatches Of(IEnumerable<long> microbatchOfExample, long batchSize, long count)
    {
        var lists = Enumerable.Range(0, (int)count).Select(_ => new List<long>()).ToArray();
        var example = 0L;
        foreach (var microbatch in microbatchOfExample)
            lists[microbatch].Add(example++);
        var width = Math.Max(1, lists.Max(list => list.Count));
        var members = lists.SelectMany(list => list.Concat(Enumerable.Repeat(batchSize, width - list.Count))).ToArray();
        return new(batchSize, count, width, Array.ConvertAll(lists, list => (long)list.Count), members);
    }

    /// <summary>The positions in the batch of each microbatch's examples.</summary>
    public IEnumerable<long[]> Positions()
    {
        for (var first = 0L; first < Count * Width; first += Width)
        {
            var slots = Enumerable.Range(0, (int)Width).Select(i => _members?[first + i] ?? first + i);
            yield return [.. slots.Where(position => position < BatchSize)];
        }
    }

    /// <summary>[B, ...] as [M, width, ...]; a missing example is zero.</summary>
    public Tensor Group(Tensor rows) => Group(rows, 0, Count);

    /// <summary>The same for some of the microbatches.</summary>
    /// <param name="rows">[B, ...].</param>
    /// <param name="first">The first microbatch.</param>
    /// <param name="count">How many.</param>
    /// <returns>[count, width, ...].</returns>
    public Tensor Group(Tensor rows, long first, long count)
    {
        if (_members is null)
            return rows.narrow(0, first * Width, count * Width).reshape([count, Width, .. rows.shape[1..]]);
        var members = _members.AsSpan((int)(first * Width), (int)(count * Width)).ToArray();
        using var index = tensor(Array.ConvertAll(members, member => Math.Min(member, BatchSize - 1)), device: rows.device);
        var grouped = rows.index_select(0, index);
        if (Array.Exists(members, member => member == BatchSize))
        {
            using var missing = tensor(Array.ConvertAll(members, member => member == BatchSize), device: rows.device);
            grouped = grouped.ZeroWhere(missing.view([-1, .. rows.shape[1..].Select(_ => 1L)]));
        }
        return grouped.reshape([count, Width, .. rows.shape[1..]]);
    }

    /// <summary>The sum over each microbatch's examples: [B, ...] to [M, ...].</summary>
    public Tensor Sum(Tensor rows) => IsOneExampleEach ? rows : Group(rows).sum(dim: 1L);

    /// <summary>One value a microbatch as one an example: [M] to [B].</summary>
    public Tensor Spread(Tensor values)
    {
        if (_members is null)
            return Width == 1 ? values : values.repeat_interleave(Width);
        var microbatchOfExample = new long[BatchSize];
        for (var slot = 0; slot < _members.Length; slot++)
        {
            if (_members[slot] < BatchSize)
                microbatchOfExample[_members[slot]] = slot / Width;
        }
        using var index = tensor(microbatchOfExample, device: values.device);
        return values.index_select(0, index);
    }
}
