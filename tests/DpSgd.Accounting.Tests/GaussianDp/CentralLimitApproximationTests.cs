namespace DpSgd.Accounting.Tests.GaussianDp;

public class CentralLimitApproximationTests
{
    [Fact]
    public void Agrees_with_the_field_and_under_reports()
    {
        foreach (var row in GoldenFile.Rows("gdp.json"))
        {
            var (n, batch, sigma, delta) = (row.Number("n"), row.Number("batch"), row.Number("sigma"), row.Number("delta"));
            var steps = row.Number("epochs") * n / batch;
            var poisson = CentralLimitApproximation.ApproximateMuOfPoissonSampling(batch / n, sigma, steps);
            var uniform = CentralLimitApproximation.ApproximateMuOfUniformSampling(batch / n, sigma, steps);
            Closeness.RelativeError(poisson, row.Number("mu_poisson_ref")).Should().BeLessThanOrEqualTo(1e-9, "{0}", row);
            Closeness.RelativeError(uniform, row.Number("mu_uniform_ref")).Should().BeLessThanOrEqualTo(1e-9, "{0}", row);
            var epsilon = CentralLimitApproximation.ApproximateEpsilonThatIsNoGuarantee(poisson, delta);
            Closeness.RelativeError(epsilon, row.Number("eps_poisson_exact_given_mu")).Should().BeLessThanOrEqualTo(1e-9, "{0}", row);
            Closeness.RelativeError(CentralLimitApproximation.ApproximateEpsilonThatIsNoGuarantee(uniform, delta), row.Number("eps_uniform_ref")).Should().BeLessThanOrEqualTo(1e-9, "{0}", row);
            epsilon.Should().BeLessThan(row.Number("true_eps_exact"), "{0}", row);
        }
    }

    [Fact]
    public void Wrong_arguments()
    {
        FluentActions.Invoking(() => CentralLimitApproximation.ApproximateMuOfPoissonSampling(1.1, 1, 1)).Should().Throw<ArgumentOutOfRangeException>();
        FluentActions.Invoking(() => CentralLimitApproximation.ApproximateMuOfPoissonSampling(0.1, double.NaN, 1)).Should().Throw<ArgumentOutOfRangeException>();
        FluentActions.Invoking(() => CentralLimitApproximation.ApproximateMuOfUniformSampling(0.1, 1, 0)).Should().Throw<ArgumentOutOfRangeException>();
        FluentActions.Invoking(() => CentralLimitApproximation.ApproximateEpsilonThatIsNoGuarantee(-1, 0.1)).Should().Throw<ArgumentOutOfRangeException>();
        CentralLimitApproximation.ApproximateEpsilonThatIsNoGuarantee(0, 0.1).Should().Be(0);
    }
}
