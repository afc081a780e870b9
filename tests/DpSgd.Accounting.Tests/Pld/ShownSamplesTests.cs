namespace DpSgd.Accounting.Tests.Pld;

/// <summary>What is known without a grid: where little noise shows who was sampled, and where hardly anybody ever is.</summary>
public class ShownSamplesTests
{
    /// <summary>
    /// One step has a closed form: delta(epsilon) is q times the hockey-stick divergence at ln(1 + (e^epsilon - 1) / q).
    /// </summary>
    [Theory]
    [InlineData(0.01, 0.05, 1e-6)]
    [InlineData(0.3, 0.2, 1e-3)]
    [InlineData(1e-5, 0.1, 1e-12)]
    [InlineData(0.9, 0.5, 1e-10)]
    public void The_bounds_of_one_step_are_around_the_truth_and_the_lower_one_close_to_it(double q, double sigma, double delta)
    {
        double Exact(double epsilon) => Math.Log(q) + GaussianHockeyStick.LogDelta(sigma, Math.Log(1 + (Math.Exp(epsilon) - 1) / q));
        var (low, high) = (0.0, 500.0);
        for (var i = 0; i < 200; i++)
        {
            var middle = 0.5 * (low + high);
            (low, high) = Exact(middle) >= Math.Log(delta) ? (middle, high) : (low, middle);
        }

        var bound = ShownSamples.Epsilon(Bound.Lower, q, sigma, 1, delta);

        bound.Should().BeLessThanOrEqualTo(high).And.BeGreaterThan(high * (1 - 1e-3));
        ShownSamples.Epsilon(Bound.Upper, q, sigma, 1, delta).Should().BeGreaterThanOrEqualTo(low);
    }

    [Fact]
    public void More_steps_and_a_larger_delta_move_it_as_they_must()
    {
        ShownSamples.Epsilon(Bound.Lower, 0.01, 0.1, 20, 1e-6).Should().BeGreaterThan(ShownSamples.Epsilon(Bound.Lower, 0.01, 0.1, 10, 1e-6));
        ShownSamples.Epsilon(Bound.Lower, 0.01, 0.1, 10, 1e-6).Should().BeGreaterThan(ShownSamples.Epsilon(Bound.Lower, 0.01, 0.1, 10, 1e-5));
        ShownSamples.Epsilon(Bound.Lower, 1e-6, 0.1, 10, 1e-4).Should().Be(0, "the example is ever sampled with probability 1e-5");
        ShownSamples.LogDelta(Bound.Lower, 0.01, 0.1, 10, 0).Should().BeLessThanOrEqualTo(Math.Log(1 - Math.Pow(0.99, 10)), "more than that nobody can tell");
    }

    /// <summary>Runs for which a grid alone gave a lower bound of 0, or one a quarter too low.</summary>
    [Theory]
    [InlineData(0.002814606466904147, 0.08898419447209174, 17729, 1.5244378838383906e-15)]
    [InlineData(0.0014004548335629012, 0.07585314330109899, 83, 1.6078044344040633e-13)]
    [InlineData(0.00037972602311480574, 0.09325047670100381, 11, 7.695791741404844e-06)]
    [InlineData(0.017949134125403172, 0.05073828788060851, 86, 0.00031319147220808106)]
    [InlineData(0.00017646098577453953, 0.1388128628839416, 77, 3.0853906269278194e-05)]
    public void With_little_noise_the_accountants_bounds_are_close(double q, double sigma, long steps, double delta)
    {
        var accountant = Steps(q, sigma, steps);
        var (lower, upper) = (accountant.GetEpsilonLowerBound(delta), accountant.GetEpsilon(delta));
        lower.Should().BeInRange(upper * (1 - 2e-5), upper);
        accountant.GetDeltaLowerBound(lower * 0.999).Should().BeInRange(delta, accountant.GetDelta(lower * 0.999));
    }

    [Theory]
    [InlineData(0.02, 0.005)]
    [InlineData(0.01, 0.0015)]
    [InlineData(0.001, 0.0005)]
    public void With_next_to_no_noise_both_bounds_are_close(double sigma, double at)
    {
        foreach (var part in new[] { 1e-3, 0.1, 0.5, 0.9 })
        {
            var accountant = Steps(0.01, sigma, 10);
            var delta = part * (1 - Math.Pow(0.99, 10));
            var (lower, upper) = (accountant.GetEpsilonLowerBound(delta), accountant.GetEpsilon(delta));
            lower.Should().BeInRange(upper * (1 - at), upper);
            accountant.GetDelta(upper).Should().BeLessThanOrEqualTo(delta);
        }
    }

    /// <summary>
    /// One step without overlap: delta(epsilon) is q times the hockey-stick divergence at epsilon - ln q, which the bound from above
    /// takes at epsilon. The numbers are from arbitrary precision.
    /// </summary>
    [Theory]
    [InlineData(1e-6, 1e-5, 500004107477.961)]
    [InlineData(1e-9, 1e-5, 500000004107479500.0)]
    [InlineData(1e-9, 1e-300, 500000037028395200.0)]
    public void The_upper_bound_does_not_fall_short_where_noise_nearly_vanishes(double sigma, double delta, double atLeast)
    {
        var accountant = Steps(0.5, sigma, 1);
        accountant.GetEpsilon(delta).Should().BeGreaterThanOrEqualTo(atLeast);
        accountant.GetDelta(0.5 / sigma / sigma).Should().BeInRange(0.249, 0.5);
    }

    [Fact]
    public void The_rarest_samples_are_not_free() =>
        Steps(1e-310, 0.02, 3).GetDelta(1).Should().BeGreaterThanOrEqualTo(3e-310);

    /// <summary>Two steps, integrated: delta is the mean over the first output of what the second one then has to give.</summary>
    [Theory]
    [InlineData(0.2, 0.1, 1)]
    [InlineData(0.01, 0.3, 0.5)]
    [InlineData(1e-3, 0.05, 100)]
    [InlineData(0.3, 0.026, 500)]
    [InlineData(0.9, 0.02, 1000)]
    [InlineData(0.6, 0.5, 2)]
    public void The_bounds_of_two_steps_are_around_the_truth(double q, double sigma, double epsilon)
    {
        // Removing the example; where epsilon is above -2 ln(1 - q) adding it has no delta at all, and elsewhere less than this.
        double Loss(double x) => SampledLoss.Sampled((x - 0.5 / sigma) / sigma, q);
        double One(double e)
        {
            var y = SampledLoss.Unsampled(e, q);
            return double.IsNegativeInfinity(y) ? 1 - Math.Exp(e)
                : y >= 0 ? q * Math.Exp(GaussianHockeyStick.LogDelta(sigma, y))
                : q * (1 - Math.Exp(y) + Math.Exp(y + GaussianHockeyStick.LogDelta(sigma, -y)));
        }

        var (truth, width) = (0.0, 1e-3);
        for (var x = -12 + width / 2; x < 1 / sigma + 12; x += width)
        {
            var inP = (1 - q) * Math.Exp(-0.5 * x * x) + q * Math.Exp(-0.5 * (x - 1 / sigma) * (x - 1 / sigma));
            truth += width / Math.Sqrt(2 * Math.PI) * inP * One(epsilon - Loss(x));
        }

        var accountant = Steps(q, sigma, 2);
        accountant.GetDelta(epsilon).Should().BeGreaterThanOrEqualTo(truth * (1 - 1e-6));
        accountant.GetDeltaLowerBound(epsilon).Should().BeInRange(truth * 0.98, truth * (1 + 1e-6));
        accountant.GetEpsilon(truth).Should().BeGreaterThanOrEqualTo(epsilon * (1 - 1e-6));
        accountant.GetEpsilonLowerBound(truth).Should().BeLessThanOrEqualTo(epsilon * (1 + 1e-6));
    }

    [Theory]
    [InlineData(NeighboringRelation.AddOrRemoveOne)]
    [InlineData(NeighboringRelation.ReplaceOne)]
    public void Who_is_hardly_ever_sampled_risks_no_more_than_being_sampled(NeighboringRelation relation)
    {
        var accountant = Steps(1e-6, 0.02, 100, relation);
        var ever = 1 - Math.Pow(1 - 1e-6, 100);

        accountant.GetEpsilon(ever * (1 + 1e-6)).Should().Be(0);
        accountant.GetEpsilon(ever * (1 - 1e-3)).Should().BeGreaterThan(100, "and then nearly everything shows");
        accountant.GetDelta(0).Should().BeLessThanOrEqualTo(ever * (1 + 1e-9));
        accountant.Compose(new GaussianDpEvent(100));
        accountant.GetEpsilon(ever * (1 + 1e-6)).Should().BeGreaterThan(0, "the other step was not on a sample");
    }

    [Fact]
    public void A_search_for_the_noise_ends_where_none_is_needed() =>
        NoiseCalibration.FindNoiseMultiplier(1, 1e-2, 1e-6, 100, () => new PldAccountant()).Should().Be(0, "to be sampled at all is less likely than delta");

    private static PldAccountant Steps(double q, double sigma, long steps, NeighboringRelation relation = NeighboringRelation.AddOrRemoveOne)
    {
        var accountant = new PldAccountant(relation);
        accountant.Compose(new PoissonSampledDpEvent(q, new GaussianDpEvent(sigma)), steps);
        return accountant;
    }
}
