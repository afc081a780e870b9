using DpSgd.Accounting;
using DpSgd.Tests.TestKit;
using TorchSharp;
using static DpSgd.Tests.Noise.NoiseStatistics;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace DpSgd.Tests.Noise;

/// <summary>The exact sampler against its probabilities, and what a step with it is entered as. Seeded: the same each time.</summary>
public class DiscreteGaussianTests
{
    [Fact]
    public void No_noise_is_an_event_without_noise() =>
        NoiseSource.DiscreteGaussian.EventOf(0, 0, 10).Should().Be(new DiscreteGaussianDpEvent(0));

    private static NoiseSource Seeded(int seed) => new SeededNoiseSource(new DiscreteGaussian(), seed);

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(7)]
    public void Draws_are_distributed_as_the_formula_says(int scale)
    {
        const int draws = 400_000;
        using var stream = new RandomStream(new byte[RandomStream.KeyBytes]);
        var sampler = new DiscreteGaussianSampler(scale, stream);
        var counts = Enumerable.Range(0, draws).Select(_ => sampler.Next()).CountBy(x => x).ToDictionary();
        var total = Enumerable.Range(-200, 401).Sum(x => Math.Exp(-x * x / 2.0 / scale / scale));
        foreach (var x in Enumerable.Range(-6 * scale, 12 * scale + 1))
        {
            // Each count by itself: binomial, and close to Poisson where it is rare.
            var expected = draws * Math.Exp(-x * x / 2.0 / scale / scale) / total;
            var (least, most) = PoissonRange(expected);
            counts.GetValueOrDefault(x).Should().BeInRange(least, most, $"of {x} with scale {scale}");
        }
        var variance = counts.Sum(pair => (double)pair.Key * pair.Key * pair.Value) / draws;
        var exact = Enumerable.Range(-200, 401).Sum(x => x * x * Math.Exp(-x * x / 2.0 / scale / scale)) / total;
        (Math.Abs(variance / exact - 1) * Math.Sqrt(draws / 2.0)).Should().BeLessThan(Errors * 1.2);
    }

    [Theory]
    [InlineData(ScalarType.Float32)]
    [InlineData(ScalarType.Float64)]
    public void Noise_is_normal_at_the_scale_of_a_step(ScalarType type)
    {
        const double sigma = 1.7;
        using var values = zeros(300_001, dtype: type);
        Seeded(5).AddTo(values, sigma);
        using var doubles = values.to_type(ScalarType.Float64);
        var noise = doubles.data<double>().ToArray();
        KolmogorovSmirnov(noise, sigma).Should().BeLessThan(Critical(noise.Length));
        KolmogorovSmirnov(noise, 0.95 * sigma).Should().BeGreaterThan(Critical(noise.Length));
        Correlation(noise.AsSpan(1), noise.AsSpan(..^1)).Should().BeLessThan(Errors);
    }

    [Fact]
    public void Results_are_whole_steps_of_the_grid_whatever_the_sum()
    {
        var (exponent, scale) = DiscreteGaussian.Grid(1.7);
        exponent.Should().Be(-29);
        scale.Should().Be((long)Math.Ceiling(1.7 * (1L << 29)));
        var random = new Random(2);
        using var values = tensor(Enumerable.Range(0, 10_000).Select(_ => random.NextDouble() * 10 - 5).ToArray());
        Seeded(6).AddTo(values, 1.7);
        values.data<double>().ToArray().Should().OnlyContain(x => Math.ScaleB(x, -exponent) == Math.Round(Math.ScaleB(x, -exponent)));
    }

    [Theory]
    [InlineData(1e-30)]
    [InlineData(0.3)]
    [InlineData(1)]
    [InlineData(1e30)]
    public void The_grid_is_a_power_of_two_and_the_scale_is_never_less_than_asked(double sigma)
    {
        var (exponent, scale) = DiscreteGaussian.Grid(sigma);
        Math.ScaleB(scale, exponent).Should().BeGreaterThanOrEqualTo(sigma).And.BeLessThan(sigma * (1 + 1e-8));
        scale.Should().BeInRange(1L << 29, 1L << 30);
    }

    [Fact]
    public void A_sum_too_large_for_the_grid_is_cut_off()
    {
        using var values = tensor(new[] { 1e300, -1e300, double.PositiveInfinity });
        Seeded(7).AddTo(values, 1);
        values.data<double>().ToArray().Should().Equal([Math.ScaleB(1, 33), -Math.ScaleB(1, 33), Math.ScaleB(1, 33)], (a, b) => Math.Abs(a - b) < 10);
    }

    [Theory]
    [InlineData(null, 1)]
    [InlineData(2, 2)]
    public void A_step_is_entered_with_the_sensitivity_that_rounding_adds(int? microbatchSize, int clips)
    {
        using var scope = NewDisposeScope();
        var model = Toy.Model();
        var accountant = new RecordingAccountant();
        var (x, y) = Toy.Batch(8);
        using var optimizer = new DPOptimizer(optim.SGD(model.parameters(), 1), model, new()
        {
            L2NormClip = 0.6,
            NoiseMultiplier = 1.1,
            MicrobatchSize = microbatchSize,
            Noise = NoiseSource.DiscreteGaussian,
            Accountant = accountant,
        });
        Toy.Backward(model, x, y);
        optimizer.step();

        var entered = accountant.Events.Should().ContainSingle().Which.Should().BeOfType<DiscreteGaussianDpEvent>().Which;
        var (exponent, scale) = DiscreteGaussian.Grid(0.66);
        entered.Sigma.Should().Be(scale);
        var dimension = model.parameters().Sum(p => p.numel());
        var exact = Math.ScaleB(clips * 0.6, -exponent) + Math.Sqrt(dimension);
        entered.Sensitivity.Should().BeGreaterThanOrEqualTo(exact).And.BeLessThan(exact * (1 + 1e-8));
    }

    [Fact]
    public void A_training_with_it_costs_what_a_continuous_one_does_and_a_trifle_more()
    {
        using var scope = NewDisposeScope();
        double Epsilon(NoiseSource noise)
        {
            var model = Toy.Model();
            var (x, y) = Toy.Batch(40);
            using var loader = new PoissonDataLoader(x, y, expectedBatchSize: 10);
            using var optimizer = new DPOptimizer(optim.SGD(model.parameters(), 0.1), model, Toy.Private with { Sampling = loader.Sampling, Noise = noise });
            foreach (var (examples, labels) in loader)
                optimizer.step(() => Toy.Loss(model, examples, labels, Reduction.None));
            return optimizer.GetEpsilon(1e-5);
        }

        var continuous = Epsilon(NoiseSource.Secure);
        Epsilon(NoiseSource.DiscreteGaussian).Should().BeGreaterThanOrEqualTo(continuous).And.BeLessThan(1.05 * continuous);
    }
}
