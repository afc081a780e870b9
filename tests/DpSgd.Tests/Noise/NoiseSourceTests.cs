using DpSgd.Tests.TestKit;
using MathNet.Numerics;
using TorchSharp;
using static TorchSharp.torch;

namespace DpSgd.Tests.Noise;

/// <summary>
/// Statistical tests, on the noise as it reaches the weights and on the source. Secure noise is different in each run, so
/// every threshold is set for a false alarm once in 10^9 runs.
/// </summary>
public class NoiseSourceTests
{
    private const double FalseAlarm = 1e-9;

    [Theory]
    [InlineData(ScalarType.Float32)]
    [InlineData(ScalarType.Float64)]
    public void Noise_on_zero_gradients_is_Gaussian_with_the_right_standard_deviation(ScalarType type)
    {
        var noise = NoiseOfOneStep(NoiseSource.Secure, type);
        var sigma = 1.7 * 0.9 / 4;   // noise multiplier * clip norm / number of microbatches
        // Thrice this size for a wrong sigma of 0.9 or 1.1: the distance of the distributions is 0.025 and 0.022.
        KolmogorovSmirnov(noise, sigma).Should().BeLessThan(Critical(noise.Length));
        KolmogorovSmirnov(noise, 0.9 * sigma).Should().BeGreaterThan(Critical(noise.Length));
        KolmogorovSmirnov(noise, 1.1 * sigma).Should().BeGreaterThan(Critical(noise.Length));

        // Mean and variance within 6.1 standard errors.
        (noise.Average() / sigma * Math.Sqrt(noise.Length)).Should().BeInRange(-6.1, 6.1);
        ((noise.Sum(x => x * x) / (sigma * sigma) - noise.Length) / Math.Sqrt(2.0 * noise.Length)).Should().BeInRange(-6.1, 6.1);
    }

    [Fact]
    public void Noise_differs_from_step_to_step_and_from_run_to_run()
    {
        var first = NoiseOfOneStep(NoiseSource.Secure, ScalarType.Float32);
        var second = NoiseOfOneStep(NoiseSource.Secure, ScalarType.Float32);
        // Two values in 10^5 may agree by chance at this precision; independent noise is not correlated.
        Correlation(first, second).Should().BeLessThan(6.1 / Math.Sqrt(first.Length));
        first.Zip(second).Count(pair => pair.First == pair.Second).Should().BeLessThan(first.Length / 100);

        using var scope = NewDisposeScope();
        using var model = Model(ScalarType.Float32);
        using var optimizer = new DPOptimizer(optim.SGD(model.parameters(), 1), model, new() { L2NormClip = 1, NoiseMultiplier = 1 });
        var steps = Enumerable.Range(0, 2).Select(_ => Noise(optimizer, model)).ToArray();
        Correlation(steps[0], steps[1]).Should().BeLessThan(6.1 / Math.Sqrt(first.Length));
    }

    [Fact]
    public void Successive_values_are_not_correlated()
    {
        var noise = NoiseOfOneStep(NoiseSource.Secure, ScalarType.Float64);
        foreach (var lag in new[] { 1, 2, 3, 2048 })
            Correlation(noise[lag..], noise[..^lag]).Should().BeLessThan(6.1 / Math.Sqrt(noise.Length - lag));
    }

    [Fact]
    public void Every_coordinate_of_a_large_tensor_gets_its_own_noise()
    {
        // So large that several threads draw, each its own part; sizes around the parts' and blocks' borders.
        using var scope = NewDisposeScope();
        foreach (var size in new[] { 1L, 7, 2047, 2049, (1 << 21) + 3 })
        {
            var values = zeros(size, dtype: ScalarType.Float64);
            NoiseSource.Secure.AddTo(values, 2);
            // One value in 160,000 falls on the grid point zero.
            values.eq(0).sum().ToInt64().Should().BeLessThan(1 + size / 10_000);
            if (size < 1 << 20)
                continue;
            KolmogorovSmirnov(values.data<double>().ToArray(), 2).Should().BeLessThan(Critical((int)size));
            // The parts differ: a coordinate and the one half the tensor further are not correlated.
            var half = size / 2;
            Correlation(values.narrow(0, 0, half).data<double>().ToArray(), values.narrow(0, half, half).data<double>().ToArray())
                .Should().BeLessThan(6.1 / Math.Sqrt(half));
        }
    }

    [Fact]
    public void Tails_are_as_long_as_they_should_be()
    {
        // Beyond 3 sigma: 0.0027 of them; 6.1 standard errors of a binomial count.
        var noise = NoiseOfOneStep(NoiseSource.Secure, ScalarType.Float64);
        var sigma = 1.7 * 0.9 / 4;
        var expected = noise.Length * SpecialFunctions.Erfc(3 / Math.Sqrt(2));
        noise.Count(x => Math.Abs(x) > 3 * sigma).Should().BeInRange(
            (int)(expected - 6.1 * Math.Sqrt(expected)), (int)(expected + 6.1 * Math.Sqrt(expected)));
    }

    [Fact]
    public void Seeded_noise_is_the_same_again_and_says_that_it_is_not_secure()
    {
        NoiseOfOneStep(NoiseSource.SeededForTests(5), ScalarType.Float64).Should().Equal(NoiseOfOneStep(NoiseSource.SeededForTests(5), ScalarType.Float64));
        NoiseOfOneStep(NoiseSource.SeededForTests(5), ScalarType.Float64).Should().NotEqual(NoiseOfOneStep(NoiseSource.SeededForTests(6), ScalarType.Float64));
        NoiseSource.SeededForTests(5).IsSecure.Should().BeFalse();
        NoiseSource.Secure.IsSecure.Should().BeTrue();
        new DPOptimizerOptions { L2NormClip = 1, NoiseMultiplier = 1 }.Noise.Should().BeSameAs(NoiseSource.Secure);
    }

    /// <summary>What one step adds to 100,000 weights whose gradient is zero.</summary>
    private static double[] NoiseOfOneStep(NoiseSource source, ScalarType type)
    {
        using var scope = NewDisposeScope();
        using var model = Model(type);
        using var optimizer = new DPOptimizer(
            optim.SGD(model.parameters(), 1), model, new() { L2NormClip = 0.9, NoiseMultiplier = 1.7, Noise = source });
        return Noise(optimizer, model);
    }

    private static TorchSharp.Modules.Linear Model(ScalarType type)
    {
        var model = nn.Linear(500, 200, hasBias: false, dtype: type);
        using (no_grad())
            nn.init.zeros_(model.weight);
        return model;
    }

    private static double[] Noise(DPOptimizer optimizer, TorchSharp.Modules.Linear model)
    {
        using var scope = NewDisposeScope();
        var before = model.weight.detach().clone();
        optimizer.step(() => model.call(zeros(4, 500, dtype: model.weight.dtype)).sum(dim: 1L));
        return (before - model.weight).detach().to_type(ScalarType.Float64).flatten().data<double>().ToArray();
    }

    private static double KolmogorovSmirnov(double[] sample, double sigma)
    {
        var n = (double)sample.Length;
        return sample.Order().Select((x, i) =>
        {
            var cdf = SpecialFunctions.Erfc(-x / sigma / Math.Sqrt(2)) / 2;
            return Math.Max(cdf - i / n, (i + 1) / n - cdf);
        }).Max();
    }

    private static double Critical(int n) => Math.Sqrt(-Math.Log(FalseAlarm / 2) / 2 / n);

    private static double Correlation(double[] a, double[] b) => Math.Abs(
        a.Zip(b, (x, y) => x * y).Sum() / Math.Sqrt(a.Sum(x => x * x) * b.Sum(x => x * x)));
}
