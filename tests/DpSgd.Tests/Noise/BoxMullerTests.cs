namespace DpSgd.Tests.Noise;

/// <summary>The transform against the formula in double precision: whole blocks and parts, narrow vectors and the widest.</summary>
public class BoxMullerTests
{
    public static TheoryData<bool> Narrow => [false, true];

    [Theory]
    [MemberData(nameof(Narrow))]
    public void Values_are_those_of_the_formula(bool narrow)
    {
        foreach (var length in Enumerable.Range(0, 50).Append(8192))
        {
            var words = Words(seed: length, (length + BoxMuller.Block - 1) / BoxMuller.Block * BoxMuller.Block);
            var doubles = Enumerable.Range(0, length).Select(i => 0.1 * i).ToArray();
            var singles = doubles.Select(x => (float)x).ToArray();
            var (expected, sums) = (Formula(words), singles.ToArray());
            BoxMuller.Add(doubles.AsSpan(), words, 1, grid: 0, narrow);
            BoxMuller.Add(singles.AsSpan(), words, 3, grid: 0, narrow);
            for (var i = 0; i < length; i++)
            {
                (doubles[i] - 0.1 * i).Should().BeApproximately(expected[i], 1e-12 * (1 + i));
                singles[i].Should().BeApproximately((float)(sums[i] + 3 * expected[i]), 1e-6f * (1 + Math.Abs(singles[i])));
            }
        }
    }

    [Theory]
    [MemberData(nameof(Narrow))]
    public void Radius_and_angle_are_right_to_forty_bits_wherever_they_fall(bool narrow)
    {
        // Radii from the shortest, through all powers of two, to the longest: angles that are equally varied.
        var random = new Random(1);
        for (var round = 0; round < 20_000; round++)
        {
            var words = new ulong[BoxMuller.Block];
            for (var i = 0; i < 8; i++)
            {
                words[i] = ((ulong)random.NextInt64() << 1 | 1) >> random.Next(64);
                if (random.Next(2) == 0)
                    words[i] = ~words[i];
                words[i + 8] = (ulong)random.NextInt64(long.MinValue, long.MaxValue);
            }
            var values = new double[BoxMuller.Block];
            BoxMuller.Add(values.AsSpan(), words, 1, grid: 0, narrow);
            var expected = Formula(words);
            for (var i = 0; i < 8; i++)
            {
                // Both relative to the radius. Close to zero the root of 1 - u magnifies what u was rounded by.
                var radius = Math.Sqrt(expected[i] * expected[i] + expected[i + 8] * expected[i + 8]);
                var bound = Math.ScaleB(radius, -40) + 1e-12;
                values[i].Should().BeApproximately(expected[i], bound);
                values[i + 8].Should().BeApproximately(expected[i + 8], bound);
            }
        }
    }

    [Theory]
    [MemberData(nameof(Narrow))]
    public void Extreme_words_give_finite_values(bool narrow)
    {
        foreach (var forRadius in new ulong[] { 0ul, 1, ulong.MaxValue, 1ul << 63 })
        {
            foreach (var forAngle in new ulong[] { 0ul, 1, 2, 3, ulong.MaxValue, 1ul << 63 })
            {
                var words = Enumerable.Repeat(forRadius, 8).Concat(Enumerable.Repeat(forAngle, 8)).ToArray();
                var values = new double[BoxMuller.Block];
                BoxMuller.Add(values.AsSpan(), words, 1, grid: 0, narrow);
                values.Should().OnlyContain(x => Math.Abs(x) < 9.5);
                // The longest radius is that of a word of zeros, the shortest that of a word of ones.
                var radius = Math.Sqrt(values[0] * values[0] + values[8] * values[8]);
                if (forRadius == 0)
                    radius.Should().BeApproximately(Math.Sqrt(2 * 65 * Math.Log(2)), 1e-9);
                if (forRadius == ulong.MaxValue)
                    radius.Should().BeLessThan(1e-8);
            }
        }
    }

    [Fact]
    public void Narrow_vectors_and_the_widest_agree()
    {
        var words = Words(seed: 7, 8192);
        var (wide, narrow) = (new double[8192], new double[8192]);
        BoxMuller.Add(wide.AsSpan(), words, 1, grid: 0);
        BoxMuller.Add(narrow.AsSpan(), words, 1, grid: 0, narrow: true);
        for (var i = 0; i < wide.Length; i++)
            wide[i].Should().BeApproximately(narrow[i], 1e-11);
    }

    private static ulong[] Words(int seed, int count)
    {
        var random = new Random(seed);
        return [.. Enumerable.Range(0, count).Select(_ => (ulong)random.NextInt64(long.MinValue, long.MaxValue))];
    }

    /// <summary>Eight radii, then eight angles: the quarter around 0, mirrored by the last bit, its axes swapped by the last but one.</summary>
    private static double[] Formula(ulong[] words)
    {
        var values = new double[words.Length];
        for (var i = 0; i < words.Length; i++)
        {
            if (i % 16 >= 8)
                continue;
            var radius = Math.Sqrt(-2 * Math.Log((words[i] + 0.5) / Math.Pow(2, 64)));
            var word = words[i + 8];
            var angle = Math.PI / 4 * (Math.ScaleB(word >> 12, -51) - 1);
            var (sin, cos) = (radius * Math.Sin(angle), radius * Math.Cos(angle) * ((word & 1) == 1 ? -1 : 1));
            (values[i], values[i + 8]) = (word & 2) == 2 ? (sin, cos) : (cos, sin);
        }
        return values;
    }
}
