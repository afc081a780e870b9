using TorchSharp;
using static DpSgd.Tests.Noise.NoiseStatistics;
using static TorchSharp.torch;

namespace DpSgd.Tests.Noise;

/// <summary>
/// Millions of values of the default distribution, from seeded keys, so that these tests come out the same each time. With
/// other seeds each threshold would be passed once in 10^9 times.
/// </summary>
public class NoiseDistributionTests
{
    private const int Million = 1 << 20;

    [Theory]
    [InlineData(ScalarType.Float32)]
    [InlineData(ScalarType.Float64)]
    public void Is_normal_with_the_right_moments(ScalarType type)
    {
        const double sigma = 0.7;
        var noise = Draw(NoiseSource.SeededForTests(11), Million + 5, sigma, type);
        KolmogorovSmirnov(noise, sigma).Should().BeLessThan(Critical(noise.Length));
        KolmogorovSmirnov(noise, 0.97 * sigma).Should().BeGreaterThan(Critical(noise.Length), "three percent less noise would be seen");

        // The k-th power of a normal value has mean 0, 1, 0, 3, 0, 15 and variance (2k - 1)!! less the mean's square.
        double[] means = [0, 1, 0, 3, 0, 15], secondMoments = [1, 3, 15, 105, 945, 10395];
        for (var k = 1; k <= 6; k++)
        {
            var mean = noise.Average(x => Math.Pow(x / sigma, k));
            var error = Math.Sqrt((secondMoments[k - 1] - means[k - 1] * means[k - 1]) / noise.Length);
            // Averages of high powers are not quite normal: twice the room there.
            ((mean - means[k - 1]) / error).Should().BeInRange(-Errors * (k > 4 ? 2 : 1), Errors * (k > 4 ? 2 : 1), $"of power {k}");
        }
    }

    [Fact]
    public void Tails_beyond_four_and_five_sigma_have_the_right_weight()
    {
        // Of 32 million values 2125 are expected beyond 4 sigma, 19 beyond 5.
        var values = zeros(1 << 25);
        NoiseSource.SeededForTests(12).AddTo(values, 1);
        foreach (var (bound, probability) in new[] { (4.0, 6.334248366623996e-5), (5.0, 5.733031437583892e-7) })
        {
            var (least, most) = PoissonRange((1 << 25) * probability);
            using var outside = values.abs().gt(bound).sum();
            outside.ToInt64().Should().BeInRange(least, most);
        }
        values.Dispose();
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void The_far_tail_falls_off_as_it_should(bool narrow)
    {
        // Words for the radius that begin with 20 zeros: the radius, given that it is beyond 5.26. Half its square is
        // exponential, so what exceeds 20 ln 2 is again. Likewise beyond 7.9 sigma, where half a word is left.
        foreach (var zeros in new[] { 20, 45 })
        {
            var random = new Random(zeros);
            var words = new ulong[1 << 18];
            for (var i = 0; i < words.Length; i++)
                words[i] = (ulong)random.NextInt64(long.MinValue, long.MaxValue) >> (i % 16 < 8 ? zeros : 0);
            var values = new double[words.Length];
            BoxMuller.Add(values.AsSpan(), words, 1, grid: 0, narrow);
            var excess = Enumerable.Range(0, values.Length).Where(i => i % 16 < 8)
                .Select(i => (values[i] * values[i] + values[i + 8] * values[i + 8]) / 2 - zeros * Math.Log(2)).ToArray();
            KolmogorovSmirnov(excess, x => 1 - Math.Exp(-Math.Max(x, 0))).Should().BeLessThan(Critical(excess.Length));
            values.Max(Math.Abs).Should().BeGreaterThan(zeros == 20 ? 6.5 : 8.5);
        }
    }

    [Fact]
    public void Neither_values_nor_their_sizes_are_correlated_within_a_call()
    {
        var noise = Draw(NoiseSource.SeededForTests(13), 2 * Million, 1, ScalarType.Float64);
        var squares = noise.Select(x => x * x - 1).ToArray();
        // 8 apart are the two values of one radius; 8192 are drawn at a time; a key serves for a segment.
        foreach (var lag in new[] { 1, 2, 7, 8, 9, 16, RandomStream.Words, (int)NoiseSource.Segment })
        {
            Correlation(noise.AsSpan(lag), noise.AsSpan(..^lag)).Should().BeLessThan(Errors);
            Correlation(squares.AsSpan(lag), squares.AsSpan(..^lag)).Should().BeLessThan(Errors);
        }
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Calls_are_independent(bool secure)
    {
        var source = secure ? NoiseSource.Secure : NoiseSource.SeededForTests(14);
        var calls = Enumerable.Range(0, 4).Select(_ => Draw(source, 200_000, 1, ScalarType.Float64)).ToArray();
        for (var i = 0; i < calls.Length; i++)
        {
            for (var j = 0; j < i; j++)
            {
                Correlation(calls[i], calls[j]).Should().BeLessThan(Errors);
                // By chance four pairs in a million fall on the same point of the grid.
                calls[i].Zip(calls[j]).Count(pair => pair.First == pair.Second).Should().BeLessThan(20);
            }
        }
    }

    private static double[] Draw(NoiseSource source, int count, double sigma, ScalarType type)
    {
        using var values = zeros(count, dtype: type);
        source.AddTo(values, sigma);
        using var doubles = values.to_type(ScalarType.Float64);
        return doubles.data<double>().ToArray();
    }
}
