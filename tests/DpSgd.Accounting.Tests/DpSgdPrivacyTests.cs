using System.Globalization;

namespace DpSgd.Accounting.Tests;

public class DpSgdPrivacyTests
{
    private const double Unsaid = double.NaN;

    [Fact]
    public void The_tutorials_epsilon()
    {
        var (epsilon, order) = DpSgdPrivacy.Compute(60000, 250, 1.3, 3, 1e-5);
        epsilon.Should().BeApproximately(0.5631726490328062, 1e-13);
        order.Should().Be(18);
    }

    /// <summary>
    /// The second and third from TensorFlow Privacy's compute_dp_sgd_privacy_test; its numbers carry an old rounding
    /// error of about 1e-12.
    /// </summary>
    [Theory]
    [InlineData(60000, 250, 1.3, 15, 1e-5, 0.94220021816269, 17)]
    [InlineData(60000, 150, 1.3, 15, 1e-5, 0.7242234026109595, 19)]
    [InlineData(100000, 100, 1.0, 30, 1e-7, 1.4154988495444842, 13)]
    public void Known_runs(long n, int batch, double sigma, double epochs, double delta, double epsilon, double order)
    {
        var actual = DpSgdPrivacy.Compute(n, batch, sigma, epochs, delta);
        actual.Epsilon.Should().BeRelativelyClose(epsilon, 1e-11);
        actual.OptimalOrder.Should().Be(order);
    }

    [Fact]
    public void Agrees_with_the_golden_values()
    {
        var rows = GoldenFile.Read<GoldenRun>("dpsgd.json");
        rows.Count.Should().BeGreaterThanOrEqualTo(60);
        foreach (var row in rows)
        {
            var (epsilon, order) = DpSgdPrivacy.Compute(row.N, row.Batch, row.Sigma, row.Epochs, row.Delta);
            Closeness.RelativeError(epsilon, row.EpsExact).Should().BeLessThanOrEqualTo(1e-12, "{0}", row);
            order.Should().Be(row.OrderExact, "{0}", row);
            DpSgdSteps.Count(row.N, row.Batch, row.Epochs).Should().Be(row.Steps, "{0}", row);

            var accountant = new RdpAccountant();
            accountant.Compose(new PoissonSampledDpEvent(row.Q, new GaussianDpEvent(row.Sigma)), row.Steps);
            foreach (var at in row.Deltas)
            {
                var delta = RdpConversion.Delta(accountant.Orders, [.. accountant.GetRdp()], at.Epsilon);
                Closeness.RelativeError(delta.Delta, at.DeltaExact).Should().BeLessThanOrEqualTo(1e-10, "{0} {1}", row, at);
                delta.Order.Should().Be(at.OrderExact, "{0} {1}", row, at);
                accountant.GetDelta(at.Epsilon).Should().Be(delta.Delta);
            }
        }
    }

    [Fact]
    public void The_statement_begins_with_the_tutorials_sentences()
    {
        var lines = DpSgdPrivacy.Statement(60000, 250, 1.3, 3, 1e-5).Split('\n');
        lines[0].Should().Be("DP-SGD with sampling rate = 0.417% and noise_multiplier = 1.3 iterated over 720 steps satisfies differential privacy with eps = 0.563 and delta = 1e-05.");
        lines[1].Should().Be("The optimal RDP order is 18.0.");
    }

    [Fact]
    public void The_statement_names_what_it_rests_on()
    {
        var statement = DpSgdPrivacy.Statement(60000, 250, 1.3, 3, 1e-5);
        statement.Should().ContainAll("Poisson", "shuffled", "added", "removed", "clipped by itself", "cryptographic");
        statement.Should().NotContain("Warning").And.NotContain("\r");
    }

    [Theory]
    [InlineData(1000, 500, 0.05, 1e-5, "smallest order")]
    [InlineData(1000000, 10, 100, 1e-15, "largest order")]
    [InlineData(1000, 10, 0, 1e-5, "not private")]
    public void The_statement_warns(long n, int batch, double sigma, double delta, string warning) =>
        DpSgdPrivacy.Statement(n, batch, sigma, 10, delta).Split('\n')[3].Should().StartWith("Warning").And.Contain(warning);

    [Fact]
    public void The_statement_of_a_run_without_privacy()
    {
        var lines = DpSgdPrivacy.Statement(10, 10, 0, 1, 0.1).Split('\n');
        lines[0].Should().Be("DP-SGD with sampling rate = 100% and noise_multiplier = 0.0 iterated over 1 steps satisfies differential privacy with eps = inf and delta = 0.1.");
    }

    [Fact]
    public void The_statement_is_the_same_in_every_culture()
    {
        var before = CultureInfo.CurrentCulture;
        var expected = DpSgdPrivacy.Statement(60000, 250, 1.3, 3, 1e-5);
        var comma = (CultureInfo)CultureInfo.InvariantCulture.Clone();
        comma.NumberFormat.NumberDecimalSeparator = ",";
        comma.NumberFormat.NegativeSign = "~";
        CultureInfo.CurrentCulture = comma;
        try
        {
            DpSgdPrivacy.Statement(60000, 250, 1.3, 3, 1e-5).Should().Be(expected);
            DpSgdSteps.Count(50000, 1, 1.1).Should().Be(55000);
        }
        finally
        {
            CultureInfo.CurrentCulture = before;
        }
    }

    [Theory]
    [InlineData(0, 1, 1, 1, 0.1, "numberOfExamples")]
    [InlineData(10, 11, 1, 1, 0.1, "batchSize")]
    [InlineData(10, 0, 1, 1, 0.1, "batchSize")]
    [InlineData(10, -1, 1, 1, 0.1, "batchSize")]
    [InlineData(10, 1, -0.1, 1, 0.1, "noiseMultiplier")]
    [InlineData(10, 1, Unsaid, 1, 0.1, "noiseMultiplier")]
    [InlineData(10, 1, 1, 0, 0.1, "epochs")]
    [InlineData(10, 1, 1, Unsaid, 0.1, "epochs")]
    [InlineData(10, 1, 1, double.PositiveInfinity, 0.1, "epochs")]
    [InlineData(10, 1, 1, 1e300, 0.1, "epochs")]
    [InlineData(10, 1, 1, 1, 0, "delta")]
    [InlineData(10, 1, 1, 1, 1, "delta")]
    [InlineData(10, 1, 1, 1, Unsaid, "delta")]
    public void Wrong_arguments(long n, int batch, double sigma, double epochs, double delta, string name)
    {
        FluentActions.Invoking(() => DpSgdPrivacy.Compute(n, batch, sigma, epochs, delta))
            .Should().Throw<ArgumentOutOfRangeException>().WithParameterName(name).WithMessage($"{name} must*");
        FluentActions.Invoking(() => DpSgdPrivacy.Statement(n, batch, sigma, epochs, delta))
            .Should().Throw<ArgumentOutOfRangeException>().WithParameterName(name);
    }

    private sealed record GoldenRun(
        long N, int Batch, double Sigma, double Epochs, double Delta, double Q, long Steps, double EpsExact, double OrderExact, GoldenDelta[] Deltas);

    private sealed record GoldenDelta(double Epsilon, double DeltaExact, double OrderExact);
}
