using System.Text.Json;

namespace DpSgd.Accounting.Tests;

/// <summary>
/// Every case of bad_input.json, which says what the field's software does: a value, an exception, or NaN. Here each has one
/// defined answer: an exception that names the argument, or the right limit.
/// </summary>
public class BadInputTests
{
    public static TheoryData<int> Rows => [.. Enumerable.Range(0, GoldenFile.Rows("bad_input.json").Count)];

    [Theory]
    [MemberData(nameof(Rows))]
    public void Has_a_defined_answer(int number)
    {
        var row = GoldenFile.Rows("bad_input.json")[number];
        var ask = () => Answer(row.GetProperty("api").GetString()!, row.GetProperty("args"));
        if (Refused(row))
        {
            var refusal = ask.Should().Throw<Exception>("{0}", row).Which;
            (refusal is ArgumentException { ParamName.Length: > 0 } or NotSupportedException).Should().BeTrue("{0} gave {1}", row, refusal);
            refusal.Message.Should().MatchRegex(refusal is ArgumentException ? "must|null" : "has no bound for");
            return;
        }

        var actual = ask.Should().NotThrow("{0}", row).Subject;
        var (least, most) = Expected(row);
        actual.Should().BeInRange(least, most, "{0}", row);
    }

    [Fact]
    public void An_infinite_number_of_repetitions_or_an_infinite_sensitivity_is_refused()
    {
        FluentActions.Invoking(() => new RepeatAndSelectDpEvent(new GaussianDpEvent(1), double.PositiveInfinity, 1))
            .Should().Throw<ArgumentOutOfRangeException>().WithMessage("*Mean must be*finite*");
        FluentActions.Invoking(() => new MixtureOfGaussiansDpEvent(1, [double.PositiveInfinity], [1]))
            .Should().Throw<ArgumentOutOfRangeException>().WithMessage("*Sensitivities must be*finite*");
    }

    /// <summary>What the reference refuses, and what it answers though it means nothing.</summary>
    private static bool Refused(JsonElement row)
    {
        var (api, args) = (row.GetProperty("api").GetString()!, row.GetProperty("args"));
        var meansNothing = args.EnumerateObject().Any(argument => argument switch
        {
            { Value.ValueKind: JsonValueKind.String, Name: not "relation" } => double.IsNaN(argument.Value.Number()),
            { Name: "delta" } => argument.Value.Number() is < 0 or > 1,
            { Name: "epsilon" } => argument.Value.Number() < 0,
            { Name: "target_delta" } => argument.Value.Number() is <= 0 or >= 1,
            { Name: "orders" } => argument.Value.EnumerateArray().All(order => order.GetDouble() <= 1),
            { Name: "steps" or "count" } => argument.Value.GetDouble() < 1,
            _ => false,
        });

        // A statement, and a run, want a delta below one. Three limits are known that the reference trips over.
        return meansNothing || (api.StartsWith("tf.", StringComparison.Ordinal) && args.TryGetProperty("delta", out var delta) && delta.Number() >= 1)
            || (row.GetProperty("outcome").GetString() == "raises" && !IsKnownLimit(api, args));
    }

    private static bool IsKnownLimit(string api, JsonElement args) => api switch
    {
        "pld.eps" => args.Number("sigma") == 1e-3,
        "pld.eps.gaussian_event" => double.IsPositiveInfinity(args.Number("sigma")),
        "opacus.gdp.eps_from_mu" => args.Number("mu") == 0,
        _ => false,
    };

    private static (double Least, double Most) Expected(JsonElement row)
    {
        var (api, args) = (row.GetProperty("api").GetString()!, row.GetProperty("args"));
        if (row.GetProperty("outcome").GetString() == "raises")
            return api == "pld.eps" ? Near(GaussianMechanism.GetEpsilon(1e-3 / Math.Sqrt(10), 1e-5), 1e-12) : (0, 0);
        switch (api)
        {
            // The reference counts these once, however often they happened.
            case "rdp.exponential_count":
                return (row.Number("value") * 5, 100 * 0.1);
            case "pld.randomized_response_count":
            case "pld.exponential_count":
                return Near(row.Number("value"), 1e-4);

            // The reference's divergences at fractional orders are too large.
            case "rdp.delta":
                return (0.95 * row.Number("value"), row.Number("value"));

            // The reference's floor of 1e-15 comes from what its transform gets wrong.
            case "pld.delta":
                return (0, row.Number("value"));
            case "pld.discretization":
                return (0.1, row.Number("value"));

            // Epsilon is zero where delta alone covers the total variation. The reference steps by factors of two here.
            case "calibrate_rdp" when args.Number("target_epsilon") == 0:
                return (1, row.Number("value"));

            // The reference searches to a tolerance of its own.
            case "calibrate_rdp":
                return Near(row.Number("value"), 1);

            // An epsilon with no delta at all is infinite; the reference's root finder stopped at the end of its bracket.
            case "opacus.gdp.eps_from_mu":
                return (double.PositiveInfinity, double.PositiveInfinity);
            case "opacus.compute_rdp" or "opacus.get_privacy_spent":
            case "tf.statement":
                return (double.PositiveInfinity, double.PositiveInfinity);
            default:
                return Near(row.Number("value"), 1e-6);
        }
    }

    private static (double Least, double Most) Near(double value, double tolerance) => (value * (1 - tolerance), value * (1 + tolerance));

    private static double Answer(string api, JsonElement args)
    {
        double Or(string name, double otherwise) => args.TryGetProperty(name, out var value) ? value.Number() : otherwise;
        var (q, sigma, steps) = (Or("q", 0.01), Or("sigma", 1), Or("steps", Or("count", 1)));

        // Half a step cannot be written in C#; what can be is cut off, and refused if nothing is left.
        if (!double.IsInteger(steps))
            throw new ArgumentOutOfRangeException("count", steps, "count must be whole.");
        var relation = args.TryGetProperty("relation", out _) ? NeighboringRelation.ReplaceOne : NeighboringRelation.AddOrRemoveOne;
        IPrivacyAccountant accountant = api.StartsWith("pld", StringComparison.Ordinal)
            ? new PldAccountant(relation, Or("h", 1e-4))
            : new RdpAccountant(args.TryGetProperty("orders", out _) ? args.Numbers("orders") : null, relation);
        double EpsilonOf(DpEvent dpEvent, double? count = null)
        {
            accountant.Compose(dpEvent, (long)(count ?? steps));
            return accountant.GetEpsilon(Or("delta", 1e-5));
        }

        DpEvent Sampled() => new PoissonSampledDpEvent(q, new GaussianDpEvent(sigma));
        switch (api)
        {
            case "rdp.eps" or "pld.eps" or "rdp.orders" or "pld.discretization":
                return EpsilonOf(Sampled());
            case "rdp.delta" or "pld.delta":
                accountant.Compose(Sampled(), (long)steps);
                return accountant.GetDelta(args.Number("epsilon"));
            case "rdp.eps.gaussian_event" or "pld.eps.gaussian_event":
                return EpsilonOf(new GaussianDpEvent(sigma));
            case "rdp.delta.nothing_composed":
                return accountant.GetDelta(args.Number("epsilon"));
            case "pld.eps.nothing_composed":
                return accountant.GetEpsilon(args.Number("delta"));
            case "rdp.delta.non_private":
                accountant.Compose(new NonPrivateDpEvent());
                return accountant.GetDelta(args.Number("epsilon"));
            case "pld.eps.non_private":
                return EpsilonOf(new NonPrivateDpEvent());
            case "rdp.compose_not_an_event":
                return EpsilonOf(null!);
            case "rdp.with_replacement":
                return EpsilonOf(new SampledWithReplacementDpEvent(100, 10, new GaussianDpEvent(1)));
            case "pld.unsupported_event":
                return EpsilonOf(new UnheardOf());
            case "pld.wor_add_remove":
                return EpsilonOf(new SampledWithoutReplacementDpEvent(100, 10, new GaussianDpEvent(1)));
            case "rdp.laplace" or "pld.laplace":
                return EpsilonOf(new LaplaceDpEvent(args.Number("scale")));
            case "rdp.exponential_count" or "pld.exponential_count":
                return EpsilonOf(new ExponentialMechanismDpEvent(args.Number("epsilon")));
            case "rdp.randomized_response_count" or "pld.randomized_response_count":
                accountant = api[0] == 'r' ? new RdpAccountant(null, NeighboringRelation.ReplaceOne) : new PldAccountant(NeighboringRelation.ReplaceOne);
                return EpsilonOf(new RandomizedResponseDpEvent(args.Number("p"), args.Integer("k")));
            case "calibrate_rdp":
                // There is no bracket to give.
                return args.TryGetProperty("bracket", out _)
                    ? throw new ArgumentException("must not be given", "bracket")
                    : NoiseCalibration.FindNoiseMultiplier(args.Number("target_epsilon"), args.Number("target_delta"), 0.01, 100);
            case "get_epsilon_gaussian":
                return GaussianMechanism.GetEpsilon(sigma, args.Number("delta"));
            case "tf.compute_dp_sgd_privacy":
                return DpSgdPrivacy.Compute(args.Integer("n"), (int)args.Integer("batch"), sigma, args.Number("epochs"), args.Number("delta")).Epsilon;
            case "tf.statement":
                return DpSgdPrivacy.Guarantee(new DpSgdRun
                {
                    NumberOfExamples = 10000,
                    BatchSize = 64,
                    NoiseMultiplier = Or("noise_multiplier", 2),
                    Epochs = Or("num_epochs", 5),
                    Delta = Or("delta", 1e-6),
                    MaxExamplesPerUser = args.TryGetProperty("max_examples_per_user", out var most) ? most.GetInt32() : null,
                }).Epsilon;
            case "opacus.compute_rdp":
                return EpsilonOf(new PoissonSampledDpEvent(q, new GaussianDpEvent(Or("noise_multiplier", 1))));
            case "opacus.get_privacy_spent":
                return EpsilonOf(new GaussianDpEvent(1));
            case "opacus.gdp.eps_from_mu":
                return CentralLimitApproximation.ApproximateEpsilonThatIsNoGuarantee(args.Number("mu"), args.Number("delta"));
            default:
                throw new InvalidOperationException($"Unknown case {api}.");
        }
    }

    private sealed record UnheardOf : DpEvent;
}
