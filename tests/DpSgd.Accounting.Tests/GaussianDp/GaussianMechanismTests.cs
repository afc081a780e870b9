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
