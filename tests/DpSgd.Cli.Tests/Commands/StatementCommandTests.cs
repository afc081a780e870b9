using DpSgd.Accounting;
using DpSgd.Cli.Tests.TestKit;

namespace DpSgd.Cli.Tests.Commands;

public class StatementCommandTests
{
    [Fact]
    public void Is_the_librarys_statement() =>
        Dpsgd.InProcess($"statement {Dpsgd.Run} --noise-multiplier 1.3").Output
            .Should().Be(DpSgdPrivacy.Statement(60_000, 250, 1.3, 3, 1e-5) + "\n");

    [Fact]
    public void Every_option_arrives()
    {
        var run = new DpSgdRun
        {
            NumberOfExamples = 60_000,
            BatchSize = 250,
            NoiseMultiplier = 6,
            Epochs = 3,
            Delta = 1e-5,
            MicrobatchSize = 2,
            MaxExamplesPerUser = 3,
            UsesPoissonSampling = false,
            UsesPldAccountant = true,
        };
        const string options = $"statement {Dpsgd.Run} --noise-multiplier 6 --microbatch-size 2 --max-examples-per-user 3 --sampling once-per-epoch --accountant pld";
        Dpsgd.InProcess(options).Output.Should().Be(DpSgdPrivacy.Statement(run) + "\n");

        var guarantee = DpSgdPrivacy.Guarantee(run);
        var json = Dpsgd.InProcess(options + " --json").Json;
        json.GetProperty("text").GetString().Should().Be(DpSgdPrivacy.Statement(run));
        json.GetProperty("guarantee").GetProperty("epsilon").GetDouble().Should().Be(guarantee.Epsilon);
        json.GetProperty("guarantee").GetProperty("sampling").GetString().Should().Be("once-per-epoch");
        json.GetProperty("exampleEpsilonWithPoissonSampling").GetDouble().Should().Be(guarantee.ExampleEpsilonWithPoissonSampling);
        json.GetProperty("exampleEpsilonOncePerEpoch").GetDouble().Should().Be(guarantee.ExampleEpsilonOncePerEpoch);
        json.GetProperty("userEpsilonWithPoissonSampling").GetDouble().Should().Be(guarantee.UserEpsilonWithPoissonSampling);
        json.GetProperty("userEpsilonOncePerEpoch").GetDouble().Should().Be(guarantee.UserEpsilonOncePerEpoch);
    }
}
