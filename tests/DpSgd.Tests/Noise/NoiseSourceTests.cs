using System.Reflection;
using DpSgd.Tests.TestKit;
using MathNet.Numerics;
using TorchSharp;
using static DpSgd.Tests.Noise.NoiseStatistics;
using static TorchSharp.torch;

namespace DpSgd.Tests.Noise;

/// <summary>
/// Statistical tests, on the noise as it reaches the weights and on the source. Secure noise is different in each run, so
/// every threshold is set for a false alarm once in 10^9 runs.
/// </summary>
public class NoiseSourceTests
{
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
        Correlation(first, second).Should().BeLessThan(Errors);
        first.Zip(second).Count(pair => pair.First == pair.Second).Should().BeLessThan(first.Length / 100);

        using var scope = NewDisposeScope();
        using var model = Model(ScalarType.Float32);
        using var optimizer = new DPOptimizer(optim.SGD(model.parameters(), 1), model, new() { L2NormClip = 1, NoiseMultiplier = 1 });
        var steps = Enumerable.Range(0, 2).Select(_ => Noise(optimizer, model)).ToArray();
        Correlation(steps[0], steps[1]).Should().BeLessThan(Errors);
    }

    [Fact]
    public void Successive_values_are_not_correlated()
    {
        var noise = NoiseOfOneStep(NoiseSource.Secure, ScalarType.Float64);
        foreach (var lag in new[] { 1, 2, 3, 2048 })
            Correlation(noise[lag..], noise[..^lag]).Should().BeLessThan(Errors);
    }

    [Theory]
    [InlineData(ScalarType.Float32)]
    [InlineData(ScalarType.Float64)]
    public void Every_value_gets_noise_and_no_other(ScalarType type)
    {
        // Lengths around those of blocks, of what is drawn at a time, and of what a key serves for.
        foreach (var length in new[] { 0, 1, 2, 15, 16, 17, 2047, RandomStream.Words - 1, RandomStream.Words + 1, NoiseSource.Segment - 1, NoiseSource.Segment + 1, 2 * NoiseSource.Segment + 3 })
        {
            using var all = full(length + 6, 1e-3, dtype: type);
            using var part = all.narrow(0, 3, length);   // and not aligned to anything
            NoiseSource.Secure.AddTo(part, 2);
            using var changed = all.ne(full(1, 1e-3, dtype: type)).narrow(0, 3, length).sum();
            // One value in 160,000 falls on the grid point of zero, which is not what was there either.
            changed.ToInt64().Should().Be(length);
            foreach (var outside in new[] { 0, 1, 2, length + 3, length + 4, length + 5 })
                all[outside].ToDouble().Should().BeApproximately(1e-3, 1e-9);
        }
    }

    [Fact]
    public void Threads_make_no_difference_to_the_values()
    {
        var one = zeros(5 * NoiseSource.Segment + 7);
        var four = zeros_like(one);
        NoiseSource.SeededForTests(3).AddTo(one, 1, threads: 1);
        NoiseSource.SeededForTests(3).AddTo(four, 1, threads: 4);
        one.Equals(four).Should().BeTrue();
        one.Dispose();
        four.Dispose();
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public void Each_key_serves_once(int threads)
    {
        // Twice the same key would be twice the same values; by chance half of them are not even the same once in 2^17.
        using var scope = NewDisposeScope();
        var calls = Enumerable.Range(0, 2).Select(_ => zeros(3 * NoiseSource.Segment)).ToList();
        foreach (var values in calls)
            NoiseSource.Secure.AddTo(values, 1, threads);
        var parts = calls.SelectMany(values => values.chunk(3)).ToList();
        for (var i = 0; i < parts.Count; i++)
        {
            for (var j = 0; j < i; j++)
                parts[i].eq(parts[j]).sum().ToInt64().Should().BeLessThan(NoiseSource.Segment / 2);
        }
    }

    [Fact]
    public void By_way_of_the_host_is_the_same()
    {
        using var scope = NewDisposeScope();
        var (here, there) = (ones(100, 7), ones(100, 7));
        NoiseSource.SeededForTests(3).AddTo(here, 1);
        NoiseSource.SeededForTests(3).AddByWayOfHost(there, 1);
        here.Equals(there).Should().BeTrue();
        here.eq(1).all().ToBoolean().Should().BeFalse();
    }

    [Fact]
    public void Secure_sources_have_nothing_that_could_be_drawn_from_twice()
    {
        // No key, no counter, no buffer lives on between calls: the only field is the distribution, which has none.
        foreach (var source in new[] { NoiseSource.Secure, NoiseSource.DiscreteGaussian })
        {
            const BindingFlags All = BindingFlags.Instance | BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.DeclaredOnly;
            var fields = new[] { source.GetType(), typeof(NoiseSource) }.SelectMany(type => type.GetFields(All)).ToArray();
            fields.Should().ContainSingle().Which.FieldType.Should().Be<NoiseMechanism>();
            fields[0].GetValue(source)!.GetType().GetFields(All).Should().BeEmpty();
        }
    }

    [Fact]
    public void Nothing_is_drawn_without_noise_and_other_types_are_refused()
    {
        using var scope = NewDisposeScope();
        var values = ones(5);
        NoiseSource.Secure.AddTo(values, 0);
        values.eq(1).all().ToBoolean().Should().BeTrue();
        var wrong = () => NoiseSource.Secure.AddTo(values, double.NaN);
        wrong.Should().Throw<ArgumentOutOfRangeException>();
        var whole = () => NoiseSource.Secure.AddTo(ones(5, dtype: ScalarType.Int32), 1);
        whole.Should().Throw<NotSupportedException>().WithMessage("*Int32*");
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
}
