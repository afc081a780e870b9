using System.Text.Json;

namespace DpSgd.Accounting.Tests.Calibration;

public class NoiseCalibrationTests
{
    public static TheoryData<int> Rows => [.. Enumerable.Range(0, GoldenFile.Rows("calibration.json", "calibration").Count())];

    [Theory]
    [MemberData(nameof(Rows))]
    public void Noise_is_the_least_that_reaches_the_target(int number)
    {
        var row = GoldenFile.Rows("calibration.json", "calibration").ElementAt(number);
        Check(row, "sigma_rdp_ref", "sigma_rdp_exact", () => new RdpAccountant());
        Check(row, "sigma_pld_ref", "sigma_exact", () => new PldAccountant());
    }

    [Fact]
    public void Noise_for_the_runs_of_TensorFlow_Privacy()
    {
        foreach (var row in GoldenFile.Rows("calibration.json", "tf_compute_noise"))
        {
            var (n, batch) = (row.Integer("n"), (int)row.Integer("batch"));
            var steps = DpSgdSteps.Count(n, batch, row.Number("epochs"));
            var sigma = NoiseCalibration.FindNoiseMultiplier(row.Number("target_epsilon"), row.Number("delta"), (double)batch / n, steps);
            sigma.Should().BeLessThanOrEqualTo(row.Number("sigma_ref") * (1 + 1e-6), "{0}", row).And.BeGreaterThan(row.Number("sigma_ref") * 0.99);
        }
    }

    [Fact]
    public void Steps_are_the_most_that_keep_the_target()
    {
        foreach (var row in GoldenFile.Rows("calibration.json", "calibration_steps"))
        {
            Func<IPrivacyAccountant> accountant = row.GetProperty("accountant").GetString() == "rdp" ? () => new RdpAccountant() : () => new PldAccountant();
            NoiseCalibration.FindSteps(row.Number("target_epsilon"), row.Number("target_delta"), row.Number("q"), row.Number("sigma"), accountant)
                .Should().Be(row.Integer("steps_ref"));
        }
    }

    [Theory]
    [InlineData(1, 1e-5, 0.01, 1)]
    [InlineData(0.001, 1e-9, 0.1, 10)]
    [InlineData(1e-3, 0.5, 1, 100)]
    [InlineData(50, 1e-5, 0.9, 1000000)]
    [InlineData(1e4, 1e-12, 0.3, 3)]
    [InlineData(1e9, 1e-5, 0.5, 100)]
    [InlineData(0, 1e-5, 0.01, 100)]
    [InlineData(2, 1e-5, 1e-9, 1)]
    public void Less_noise_would_not_do(double epsilon, double delta, double q, long steps)
    {
        var sigma = NoiseCalibration.FindNoiseMultiplier(epsilon, delta, q, steps);
        Epsilon(q, sigma, steps, delta).Should().BeLessThanOrEqualTo(epsilon);
        if (sigma > 0)
            Epsilon(q, sigma * (1 - 1e-6), steps, delta).Should().BeGreaterThan(epsilon);
    }

    [Theory]
    [InlineData(1, 1e-5, 0.01, 1)]
    [InlineData(1, 1e-5, 1e-5, 1)]
    [InlineData(30, 1e-8, 0.5, 2)]
    [InlineData(0.5, 1e-5, 0.004, 3)]
    public void One_step_more_would_not_do(double epsilon, double delta, double q, double sigma)
    {
        var steps = NoiseCalibration.FindSteps(epsilon, delta, q, sigma);
        Epsilon(q, sigma, steps, delta).Should().BeLessThanOrEqualTo(epsilon);
        Epsilon(q, sigma, steps + 1, delta).Should().BeGreaterThan(epsilon);
    }

    [Fact]
    public void One_example_more_in_a_batch_would_not_do()
    {
        var batch = NoiseCalibration.FindBatchSize(1, 1e-5, 60000, 1.3, 720);
        Epsilon(batch / 60000.0, 1.3, 720, 1e-5).Should().BeLessThanOrEqualTo(1);
        Epsilon((batch + 1) / 60000.0, 1.3, 720, 1e-5).Should().BeGreaterThan(1);
        NoiseCalibration.FindBatchSize(100, 1e-5, 60000, 5, 1).Should().Be(60000);

        batch = NoiseCalibration.FindBatchSizeForEpochs(1, 1e-5, 60000, 1.3, 3);
        DpSgdPrivacy.Compute(60000, batch, 1.3, 3, 1e-5).Epsilon.Should().BeLessThanOrEqualTo(1);
        DpSgdPrivacy.Compute(60000, batch + 1, 1.3, 3, 1e-5).Epsilon.Should().BeGreaterThan(1);
    }

    [Fact]
    public void Steps_of_any_kind_are_calibrated()
    {
        NoiseCalibration.FindNoiseMultiplier(1, 1e-5, sigma => new PoissonSampledDpEvent(0.01, new GaussianDpEvent(sigma)), 100)
            .Should().BeApproximately(NoiseCalibration.FindNoiseMultiplier(1, 1e-5, 0.01, 100), 1e-6);
        NoiseCalibration.FindNoiseMultiplier(1, 1e-5, sigma => new GaussianDpEvent(sigma / 2), 10)
            .Should().BeApproximately(2 * NoiseCalibration.FindNoiseMultiplier(1, 1e-5, 1, 10), 1e-5);
        FluentActions.Invoking(() => NoiseCalibration.FindNoiseMultiplier(1, 1e-5, null!, 10))
            .Should().Throw<ArgumentNullException>().WithParameterName("step");
        FluentActions.Invoking(() => NoiseCalibration.FindNoiseMultiplier(1, 1e-5, sigma => new GaussianDpEvent(sigma), 0))
            .Should().Throw<ArgumentOutOfRangeException>().WithParameterName("steps");
    }

    [Fact]
    public void What_costs_nothing_needs_nothing()
    {
        NoiseCalibration.FindNoiseMultiplier(1, 1e-5, 0, 100).Should().Be(0);
        NoiseCalibration.FindSteps(1, 1e-5, 0.1, double.PositiveInfinity).Should().Be(long.MaxValue);
        NoiseCalibration.FindSteps(0, 1e-5, 0, 1).Should().Be(long.MaxValue);
    }

    [Fact]
    public void The_unreachable_is_refused_with_the_best_that_is_reachable()
    {
        Func<IPrivacyAccountant> spent = () =>
        {
            var accountant = new RdpAccountant();
            accountant.Compose(new GaussianDpEvent(2));
            return accountant;
        };
        var best = spent().GetEpsilon(1e-5);
        foreach (var search in new Action[]
        {
            () => NoiseCalibration.FindNoiseMultiplier(1, 1e-5, 0.01, 100, spent),
            () => NoiseCalibration.FindSteps(1, 1e-5, 0, 1, spent),
            () => NoiseCalibration.FindBatchSize(1, 1e-5, 10, double.PositiveInfinity, 1, spent),
            () => NoiseCalibration.FindBatchSizeForEpochs(1, 1e-5, 10, double.PositiveInfinity, 1, spent),
        })
        {
            search.Should().Throw<ArgumentOutOfRangeException>().WithParameterName("targetEpsilon")
                .WithMessage(string.Create(System.Globalization.CultureInfo.InvariantCulture, $"*{best}*the best*"));
        }

        // What is left may be spent.
        var sigma = NoiseCalibration.FindNoiseMultiplier(best + 1, 1e-5, 0.01, 100, spent);
        sigma.Should().BeGreaterThan(NoiseCalibration.FindNoiseMultiplier(best + 1, 1e-5, 0.01, 100));
    }

    [Theory]
    [InlineData(double.NaN, 0.1, 0.1, 1, "targetEpsilon")]
    [InlineData(-1, 0.1, 0.1, 1, "targetEpsilon")]
    [InlineData(double.PositiveInfinity, 0.1, 0.1, 1, "targetEpsilon")]
    [InlineData(1, -0.1, 0.1, 1, "targetDelta")]
    [InlineData(1, 1, 0.1, 1, "targetDelta")]
    [InlineData(1, 0, 0.1, 1, "targetDelta")]
    [InlineData(1, double.NaN, 0.1, 1, "targetDelta")]
    [InlineData(1, 0.1, 1.5, 1, "samplingProbability")]
    [InlineData(1, 0.1, double.NaN, 1, "samplingProbability")]
    [InlineData(1, 0.1, 0.1, 0, "steps")]
    public void Wrong_arguments(double epsilon, double delta, double q, long steps, string name) =>
        FluentActions.Invoking(() => NoiseCalibration.FindNoiseMultiplier(epsilon, delta, q, steps))
            .Should().Throw<ArgumentOutOfRangeException>().WithParameterName(name);

    [Fact]
    public void Other_wrong_arguments()
    {
        FluentActions.Invoking(() => NoiseCalibration.FindSteps(1, 0.1, 0.1, double.NaN)).Should().Throw<ArgumentOutOfRangeException>().WithParameterName("noiseMultiplier");
        FluentActions.Invoking(() => NoiseCalibration.FindBatchSize(1, 0.1, 0, 1, 1)).Should().Throw<ArgumentOutOfRangeException>().WithParameterName("numberOfExamples");
        FluentActions.Invoking(() => NoiseCalibration.FindBatchSize(1, 0.1, 1, 1, 0)).Should().Throw<ArgumentOutOfRangeException>().WithParameterName("steps");
        FluentActions.Invoking(() => NoiseCalibration.FindBatchSizeForEpochs(1, 0.1, 1, 1, 0)).Should().Throw<ArgumentOutOfRangeException>().WithParameterName("epochs");
        FluentActions.Invoking(() => NoiseCalibration.FindNoiseMultiplier(1, 0.1, 0.1, 1, () => null!)).Should().Throw<ArgumentNullException>().WithParameterName("accountant");
    }

    private static void Check(JsonElement row, string reference, string exact, Func<IPrivacyAccountant> accountant)
    {
        var (q, steps, epsilon, delta) = (row.Number("q"), row.Integer("steps"), row.Number("target_epsilon"), row.Number("target_delta"));
        var sigma = NoiseCalibration.FindNoiseMultiplier(epsilon, delta, q, steps, accountant);
        var check = accountant();
        check.Compose(new PoissonSampledDpEvent(q, new GaussianDpEvent(sigma)), steps);
        check.GetEpsilon(delta).Should().BeLessThanOrEqualTo(epsilon, "{0}", row);
        if (row.TryGetProperty(reference, out var most) && most.ValueKind == JsonValueKind.Number)
            sigma.Should().BeLessThanOrEqualTo(most.GetDouble() * (1 + 1e-6), "{0}", row);
        if (row.TryGetProperty(exact, out var least) && least.ValueKind == JsonValueKind.Number)
            sigma.Should().BeGreaterThanOrEqualTo(least.GetDouble() * (1 - 1e-8), "{0}", row);
    }

    private static double Epsilon(double q, double sigma, long steps, double delta)
    {
        var accountant = new RdpAccountant();
        accountant.Compose(new PoissonSampledDpEvent(q, new GaussianDpEvent(sigma)), steps);
        return accountant.GetEpsilon(delta);
    }

    /// <summary>No noise at all is answered only when it was asked about; otherwise the least that was shown to do.</summary>
    [Fact]
    public void The_least_noise_satisfies_its_target()
    {
        var sigma = NoiseCalibration.FindNoiseMultiplier(1, 1e-5, 1e-9, 1, () => new PldAccountant());
        var pld = new PldAccountant();
        pld.Compose(new PoissonSampledDpEvent(1e-9, new GaussianDpEvent(sigma)));
        pld.GetEpsilon(1e-5).Should().BeLessThanOrEqualTo(1);

        sigma = NoiseCalibration.FindNoiseMultiplier(1e25, 1e-5, 1, 1);
        sigma.Should().BeInRange(1e-13, 1e-12);
        var rdp = new RdpAccountant();
        rdp.Compose(new GaussianDpEvent(sigma));
        rdp.GetEpsilon(1e-5).Should().BeLessThanOrEqualTo(1e25);
    }
}
