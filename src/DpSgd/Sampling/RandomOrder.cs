namespace DpSgd;

/// <summary>Random orders and what comes first in them (Fisher and Yates).</summary>
internal static class RandomOrder
{
    /// <summary>So many of the values, in random order; every choice and order is as likely as any other. The array is shuffled.</summary>
    public static long[] First(int count, long[] values, RandomWords random)
    {
        for (var i = 0; i < count; i++)
        {
            var other = i + random.Below(values.Length - i);
            (values[i], values[other]) = (values[other], values[i]);
        }
        return values[..count];
    }

    /// <summary>
    /// A set of so many of 0 .. n-1, ascending, each set as likely as any other, at a cost that does not depend on n (Floyd:
    /// Bentley, "Programming Pearls: a sample of brilliance", 1987).
    /// </summary>
    public static long[] Subset(long count, long n, RandomWords random)
    {
        var chosen = new HashSet<long>((int)count);
        for (var last = n - count; last < n; last++)
        {
            if (!chosen.Add(random.Below(last + 1)))
                chosen.Add(last);
        }
        return [.. chosen.Order()];
    }
}
