using DpSgd.Accounting;
using DpSgd.Cli.Tests.TestKit;
using FsCheck.Xunit;

namespace DpSgd.Cli.Tests.Commands;

public class EpsilonCommandTests
{
    [Fact]
    public void Begins_with_the_tutorials_two_lines_to_the_letter()
    {
        var (code, output, error) = Dpsgd.InProcess($"epsilon {Dpsgd.Run} --noise-multiplier 1.3");
        code.Should().Be(0);
        error.Should().BeEmpty();
        output.Should().StartWith(
            "DP-SGD with sampling rate = 0.417% and noise_multiplier = 1.3 iterated over 720 steps satisfies differential privacy with eps = 0.563 and delta = 1e-05.\n"
            + "The optimal RDP order is 18.0.\n");
    }

    [Fact]
    public void Json_has_all_digits()
    {
        var json = Dpsgd.InProcess($"epsilon {Dpsgd.Run} --noise-multiplier 1.3 --json").Json;
        json.GetProperty("epsilon").GetDouble().Should().BeApproximately(0.5631726490328062, 1e-14);
        json.GetProperty("optimalOrder").GetDouble().Should().Be(18);
        json.GetProperty("delta").GetDouble().Should().Be(1e-5);
        json.GetProperty("accountant").GetString().Should().Be("rdp");
        json.GetProperty("neighboringRelation").GetString().Should().Be("AddOrRemoveOne");
        json.GetProperty("run").GetProperty("steps").GetInt64().Should().Be(720);
        json.GetProperty("run").GetProperty("samplingProbability").GetDouble().Should().Be(250.0 / 60_000);
    }

    [Fact]
    public void Privacy_loss_distributions_give_the_librarys_number()
    {
        var json = Dpsgd.InProcess($"epsilon {Dpsgd.Run} --noise-multiplier 1.3 --accountant pld --json").Json;
        var accountant = new PldAccountant();
        accountant.Compose(new PoissonSampledDpEvent(250.0 / 60_000, new GaussianDpEvent(1.3)), 720);
        json.GetProperty("epsilon").GetDouble().Should().Be(accountant.GetEpsilon(1e-5));
        json.GetProperty("optimalOrder").ValueKind.Should().Be(System.Text.Json.JsonValueKind.Null);
    }

    [Fact]
    public void Microbatches_of_more_than_one_are_not_forgotten()
    {
        var json = Dpsgd.InProcess($"epsilon {Dpsgd.Run} --noise-multiplier 2.6 --microbatch-size 5 --json").Json;
        json.GetProperty("epsilon").GetDouble().Should().BeApproximately(0.5631726490328062, 1e-14);
    }

    [Fact]
    public void Without_noise_epsilon_is_infinite_and_no_script_takes_it_for_a_small_one()
    {
        var text = Dpsgd.InProcess($"epsilon {Dpsgd.Run} --noise-multiplier 0");
        text.Code.Should().Be(0);
        text.Output.Should().Contain("eps = inf").And.Contain("Warning: no finite eps is known. This run is not private.");

        var json = Dpsgd.InProcess($"epsilon {Dpsgd.Run} --noise-multiplier 0 --json");
        json.Json.GetProperty("epsilon").GetString().Should().Be("Infinity");
    }

    [Fact]
    public void Steps_say_the_same_as_the_epochs_that_they_are() =>
        Dpsgd.InProcess("epsilon --examples 60000 --batch-size 250 --steps 720 --delta 1e-5 --noise-multiplier 1.3 --json").Output
            .Should().Be(Dpsgd.InProcess($"epsilon {Dpsgd.Run} --noise-multiplier 1.3 --json").Output);

    [Property(MaxTest = 300)]
    public void Any_number_of_steps_is_counted_exactly(long steps, long examples, int batch)
    {
        steps = 1 + (long)((ulong)steps % 1_000_000_000_000_000);
        examples = 1 + (long)((ulong)examples % 1_000_000_000);
        batch = 1 + (int)((ulong)(uint)batch % (ulong)Math.Min(examples, int.MaxValue));
        var run = new DpSgdRun { NumberOfExamples = examples, BatchSize = batch, NoiseMultiplier = 1, Epochs = 1, Delta = 1e-5 };
        Options.RunOptions.WithSteps(run, steps).Steps.Should().Be(steps);
    }

    [Theory]
    [InlineData("rdp")]
    [InlineData("pld")]
    public void The_most_steps_that_there_may_be_are_answered(string accountant)
    {
        var json = Dpsgd.InProcess($"epsilon --examples 60000 --batch-size 250 --steps 1e15 --delta 1e-5 --noise-multiplier 1.3 --accountant {accountant} --json").Json;
        json.GetProperty("run").GetProperty("steps").GetInt64().Should().Be(1_000_000_000_000_000);
        json.GetProperty("epsilon").GetDouble().Should().BeGreaterThan(1e9).And.BeLessThan(double.PositiveInfinity);
    }

    [Fact]
    public void Whole_numbers_may_be_written_short() =>
        Dpsgd.InProcess("epsilon --examples 6e4 --batch-size 2.5e2 --epochs 3 --delta 1e-5 --noise-multiplier 1.3").Output
            .Should().Be(Dpsgd.InProcess($"epsilon {Dpsgd.Run} --noise-multiplier 1.3").Output);
}
