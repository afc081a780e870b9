using TorchSharp;
using static TorchSharp.torch;

namespace DpSgd.Tests.Noise;

/// <summary>
/// Promise: the low bits of a noisy sum do not tell which sum it was (Mironov, 2012). Each test also shows that the attack
/// succeeds on noise that is added without care, so that it would find a mistake.
/// </summary>
public class NoiseGridTests
{
    [Theory]
    [InlineData(ScalarType.Float32)]
    [InlineData(ScalarType.Float64)]
    public void Every_result_is_a_point_of_the_same_grid_whatever_the_sum(ScalarType type)
    {
        const double sigma = 1.3;
        var grid = RoundedGaussian.Grid(sigma);
        grid.Should().Be(Math.ScaleB(1, -16));
        var random = new Random(1);
        var sums = Enumerable.Range(0, 100_000).Select(_ => (random.NextDouble() - 0.5) * Math.Pow(10, random.Next(-12, 2))).ToArray();
        Attack(NoisyByTheLibrary(sums, sigma, type), grid).Should().Be(0);
        Attack(NoisyWithoutCare(sums, sigma), grid).Should().BeGreaterThan(sums.Length / 2);
    }

    [Fact]
    public void Low_bits_do_not_tell_one_sum_from_another()
    {
        // Without care, 0 + noise keeps all bits of a small value and 1 + noise does not: half of the values near zero name the sum.
        const double sigma = 1;
        var unit = Math.ScaleB(1, -24);
        double Share(double[] noisy)
        {
            var near = noisy.Where(x => Math.Abs(x) < 0.25).ToArray();
            return (double)Attack(near, unit) / near.Length;
        }

        var (zero, one) = (Enumerable.Repeat(0.0, 200_000).ToArray(), Enumerable.Repeat(1.0, 200_000).ToArray());
        Share(NoisyByTheLibrary(zero, sigma, ScalarType.Float32)).Should().Be(0);
        Share(NoisyByTheLibrary(one, sigma, ScalarType.Float32)).Should().Be(0);
        Share(NoisyWithoutCare(zero, sigma)).Should().BeGreaterThan(0.5);
        Share(NoisyWithoutCare(one, sigma)).Should().Be(0);
    }

    [Fact]
    public void Points_of_the_grid_are_hit_as_often_as_they_should_be_wherever_the_sum_lies_between_them()
    {
        // A coarse grid, so that there are many values in each cell: chi-square over cells, for sums at four places between two points.
        const double grid = 1.0 / 16;
        foreach (var shift in new[] { 0, 0.013, 0.03125, 0.05 })
        {
            var values = Enumerable.Repeat(shift, 1 << 20).ToArray();
            var words = new ulong[values.Length];
            new Random(3).NextBytes(System.Runtime.InteropServices.MemoryMarshal.AsBytes(words.AsSpan()));
            BoxMuller.Add(values.AsSpan(), words, 1, grid);
            var counts = values.CountBy(x => x).ToDictionary();
            var (chiSquare, cells) = (0.0, 0);
            for (var k = -48; k <= 48; k++)
            {
                double Below(double x) => MathNet.Numerics.SpecialFunctions.Erfc(-x / Math.Sqrt(2)) / 2;
                var expected = values.Length * (Below((k + 0.5) * grid - shift) - Below((k - 0.5) * grid - shift));
                chiSquare += Math.Pow(counts.GetValueOrDefault(k * grid) - expected, 2) / expected;
                cells++;
            }
            // Mean and variance of chi-square; 7.5 standard errors for its longer tail.
            ((chiSquare - cells) / Math.Sqrt(2.0 * cells)).Should().BeInRange(-NoiseStatistics.Errors, 7.5);
        }
    }

    [Fact]
    public void A_sum_that_is_huge_beside_the_noise_is_not_harmed()
    {
        using var values = tensor(new[] { 1e30, -1e15, 3e38 });
        NoiseSource.SeededForTests(1).AddTo(values, 1e-3);
        values.data<double>().ToArray().Should().Equal([1e30, -1e15, 3e38], (a, b) => Math.Abs(a - b) <= 1e-15 * Math.Abs(b) + 1);
    }

    /// <summary>How many values are not multiples of the unit.</summary>
    private static int Attack(double[] values, double unit) => values.Count(x => Math.IEEERemainder(x, unit) != 0);

    private static double[] NoisyByTheLibrary(double[] sums, double sigma, ScalarType type)
    {
        using var values = tensor(sums, dtype: type);
        NoiseSource.SeededForTests(2).AddTo(values, sigma);
        using var doubles = values.to_type(ScalarType.Float64);
        return doubles.data<double>().ToArray();
    }

    /// <summary>What libraries without a defence do: sum and noise in single precision.</summary>
    private static double[] NoisyWithoutCare(double[] sums, double sigma)
    {
        using var generator = new Generator(1);
        using var values = tensor(sums, dtype: ScalarType.Float32);
        using var noise = randn(sums.Length, generator: generator);
        using var scaled = noise * sigma;
        values.add_(scaled);
        using var doubles = values.to_type(ScalarType.Float64);
        return doubles.data<double>().ToArray();
    }
}
