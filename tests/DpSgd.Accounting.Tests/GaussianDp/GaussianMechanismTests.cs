namespace DpSgd.Accounting.Tests.GaussianDp;

public class GaussianMechanismTests
{
    [Fact]
    public void Epsilon_delta_and_noise_are_exact()
    {
        foreach (var row in GoldenFile.Rows("gaussian.json", "gaussian_eps"))
            Closeness.RelativeError(GaussianMechanism.GetEpsilon(row.Number("sigma"), row.Number("delta")), row.Number("eps_exact")).Should().BeLessThanOrEqualTo(1e-11, "{0}", row);
        foreach (var row in GoldenFile.Rows("gaussian.json", "gaussian_delta"))
            Closeness.RelativeError(GaussianMechanism.GetDelta(row.Number("sigma"), row.Number("epsilon")), row.Number("delta_exact")).Should().BeLessThanOrEqualTo(1e-11, "{0}", row);
        foreach (var row in GoldenFile.Rows("gaussian.json", "gaussian_sigma"))
            Closeness.RelativeError(GaussianMechanism.GetNoiseMultiplier(row.Number("epsilon"), row.Number("delta")), row.Number("sigma_exact")).Should().BeLessThanOrEqualTo(1e-11, "{0}", row);
    }

    [Fact]
    public void The_ends()
    {
        GaussianMechanism.GetEpsilon(0, 1e-5).Should().Be(double.PositiveInfinity);
        GaussianMechanism.GetEpsilon(double.PositiveInfinity, 1e-5).Should().Be(0);
        GaussianMechanism.GetEpsilon(1, 0).Should().Be(double.PositiveInfinity);
        GaussianMechanism.GetEpsilon(1, 1).Should().Be(0);
        GaussianMechanism.GetEpsilon(1, 0.9).Should().Be(0);
        GaussianMechanism.GetEpsilon(1e-200, 1e-5).Should().Be(double.PositiveInfinity);
        GaussianMechanism.GetEpsilon(1e-8, 1e-5).Should().BeRelativelyClose(5000000426489079.0, 1e-12);
        GaussianMechanism.GetDelta(0, 3).Should().Be(1);
        GaussianMechanism.GetDelta(1, double.PositiveInfinity).Should().Be(0);
        GaussianMechanism.GetDelta(1, 1e6).Should().Be(double.Epsilon, "too small a delta is rounded up");
    }

    /// <summary>From arbitrary precision: epsilon is 1 / (2 sigma^2), and what delta adds to it is its last few places.</summary>
    [Theory]
    [InlineData(1e-6, 1e-300, 500037047095.299425)]
    [InlineData(1e-8, 1e-300, 5000003704709628.73)]
    [InlineData(1e-9, 1e-300, 500000037047096236.0)]
    [InlineData(1e-9, 1e-5, 500000004264890731.0)]
    [InlineData(1e-12, 1e-300, 5.00000000037047116e23)]
    public void With_next_to_no_noise_epsilon_is_exact(double sigma, double delta, double epsilon)
    {
        GaussianMechanism.GetEpsilon(sigma, delta).Should().BeRelativelyClose(epsilon, 1e-15);
        GaussianMechanism.GetDelta(sigma, 0.5 / sigma / sigma).Should().BeApproximately(0.5, 1e-3, "half of the outputs lie beyond");
    }

    [Fact]
    public void Beyond_the_doubles_delta_is_still_a_number() =>
        GaussianMechanism.GetDelta(1.9, 1e308).Should().Be(double.Epsilon);

    [Theory]
    [InlineData(double.NaN, 0.1, "noiseMultiplier")]
    [InlineData(-1, 0.1, "noiseMultiplier")]
    [InlineData(1, double.NaN, "delta")]
    [InlineData(1, -0.1, "delta")]
    [InlineData(1, 1.5, "delta")]
    public void Wrong_arguments(double sigma, double delta, string name) =>
        FluentActions.Invoking(() => GaussianMechanism.GetEpsilon(sigma, delta)).Should().Throw<ArgumentOutOfRangeException>().WithParameterName(name);

    [Fact]
    public void Other_wrong_arguments()
    {
        FluentActions.Invoking(() => GaussianMechanism.GetDelta(double.NaN, 1)).Should().Throw<ArgumentOutOfRangeException>();
        FluentActions.Invoking(() => GaussianMechanism.GetDelta(1, double.NaN)).Should().Throw<ArgumentOutOfRangeException>();
        FluentActions.Invoking(() => GaussianMechanism.GetNoiseMultiplier(0, 1e-5)).Should().Throw<ArgumentOutOfRangeException>();
        FluentActions.Invoking(() => GaussianMechanism.GetNoiseMultiplier(1, 1)).Should().Throw<ArgumentOutOfRangeException>();
    }
}
