using System.Globalization;
using System.Text.RegularExpressions;
using DpSgd.Accounting;
using DpSgd.Cli.Tests.TestKit;

namespace DpSgd.Cli.Tests.Commands;

/// <summary><c>noise</c> and <c>steps</c>: what they find keeps the promise, and a little less would not.</summary>
public class CalibrationCommandTests
{
    [Theory]
    [InlineData(0.3, "rdp", 1)]
    [InlineData(1, "rdp", 1)]
    [InlineData(1, "pld", 1)]
    [InlineData(8, "rdp", 4)]
    public void The_noise_shown_keeps_the_promise_and_hardly_less_would(double epsilon, string accountant, int microbatch)
    {
        var options = string.Create(CultureInfo.InvariantCulture, $"--epsilon {epsilon} {Dpsgd.Run} --accountant {accountant} --microbatch-size {microbatch}");
        var shown = double.Parse(
            Regex.Match(Dpsgd.InProcess($"noise {options}").Lines[0], @"^The least noise multiplier is (\S+), rounded up\.$").Groups[1].Value,
            CultureInfo.InvariantCulture);
        var exact = Dpsgd.InProcess($"noise {options} --json").Json.GetProperty("noiseMultiplier").GetDouble();

        Epsilon(shown).Should().BeLessThanOrEqualTo(epsilon);
        Epsilon(exact).Should().BeLessThanOrEqualTo(epsilon);
        Epsilon(exact * 0.999).Should().BeGreaterThan(epsilon);
        (shown / exact).Should().BeInRange(1, 1.0002);

        double Epsilon(double noise) => Dpsgd.InProcess(string.Create(
                CultureInfo.InvariantCulture, $"epsilon {Dpsgd.Run} --accountant {accountant} --microbatch-size {microbatch} --noise-multiplier {noise} --json"))
            .Json.GetProperty("epsilon").GetDouble();
    }

    [Theory]
    [InlineData("rdp", 1)]
    [InlineData("pld", 1)]
    [InlineData("rdp", 3)]
    public void One_step_more_would_be_too_many(string accountant, int microbatch)
    {
        var common = $"--examples 60000 --batch-size 250 --delta 1e-5 --noise-multiplier 1.6 --accountant {accountant} --microbatch-size {microbatch} --json";
        var json = Dpsgd.InProcess($"steps --epsilon 3 {common}").Json;
        var steps = json.GetProperty("steps").GetInt64();
        Epsilon(steps).Should().BeLessThanOrEqualTo(3).And.Be(json.GetProperty("guarantee").GetProperty("epsilon").GetDouble());
        Epsilon(steps + 1).Should().BeGreaterThan(3);

        double Epsilon(long count) => Dpsgd.InProcess(string.Create(CultureInfo.InvariantCulture, $"epsilon --steps {count} {common}"))
            .Json.GetProperty("epsilon").GetDouble();
    }

    [Fact]
    public void Steps_are_shown_with_their_epochs() =>
        Dpsgd.InProcess("steps --epsilon 1 --examples 60000 --batch-size 250 --delta 1e-5 --noise-multiplier 1.3").Lines.Should()
            .HaveElementAt(0, "At most 4052 steps, 16.883 epochs.").And
            .HaveElementAt(1, "DP-SGD with sampling rate = 0.417% and noise_multiplier = 1.3 iterated over 4052 steps satisfies differential privacy with eps = 1 and delta = 1e-05.");

    [Fact]
    public void Steps_that_cost_nothing_have_no_end() =>
        Dpsgd.InProcess("steps --epsilon 1 --examples 60000 --batch-size 250 --delta 1e-5 --noise-multiplier 1e300").Lines[0]
            .Should().Be("1000000000000000 steps and more: this command counts no further.");

    [Fact]
    public void A_target_out_of_reach_is_no_answer()
    {
        var (code, output, error) = Dpsgd.InProcess("steps --epsilon 0.1 --examples 60000 --batch-size 250 --delta 1e-5 --noise-multiplier 1.3");
        code.Should().Be(1);
        output.Should().BeEmpty();
        error.Should().StartWith("dpsgd steps: --epsilon 0.1 cannot be reached with delta 1E-05: with one step epsilon is 0.42").And.EndWith("that is the best.\n");
        error.Count(c => c == '\n').Should().Be(1);
    }
}
