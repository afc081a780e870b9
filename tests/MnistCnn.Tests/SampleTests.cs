using System.Text.Json;
using MnistCnn.Reporting;
using MnistCnn.Tests.TestKit;
using MnistCnn.Training;

namespace MnistCnn.Tests;

/// <summary>The sample from end to end, on few images.</summary>
public sealed class SampleTests : IDisposable
{
    private readonly TemporaryFolder _data = new();
    private readonly TemporaryFolder _output = new();

    public SampleTests() => SmallMnist.Write(_data.Path);

    public void Dispose()
    {
        _data.Dispose();
        _output.Dispose();
    }

    [Fact]
    public void Trains_reports_and_writes_results()
    {
        var results = _output["new/folder"];
        var (code, output, error) = Invoke("--data", _data.Path, "--output", results, "--batch-size", "50", "--epochs", "2", "--seed", "5");

        error.Should().BeEmpty();
        code.Should().Be(0);
        output.Should().Contain("epoch 2/2, step 10/10: loss ")
            .And.Contain("epoch 2/2 done: test accuracy ")
            .And.Contain("\nDP-SGD with sampling rate = 10% and noise_multiplier = 1.3 iterated over 20 steps satisfies differential privacy with eps = ")
            .And.Contain("\nThe optimal RDP order is ");

        var file = ResultsFile.Read(Path.Combine(results, "results.json"));
        file.Hyperparameters.Should().Be(new Hyperparameters { BatchSize = 50, Epochs = 2, Seed = 5 });
        file.Steps.Should().Be(20);
        file.Epochs.Should().HaveCount(2);
        file.Epsilon.Should().BePositive();
        file.OptimalOrder.Should().BeGreaterThan(1);
        file.DpSgdVersion.Should().NotBeEmpty();
        output.Should().Contain(file.Guarantee);
        using var json = JsonDocument.Parse(File.ReadAllText(Path.Combine(results, "results.json")));
        json.RootElement.GetProperty("epochs")[1].GetProperty("testAccuracy").GetDouble().Should().BeInRange(0, 1);

        File.ReadAllBytes(Path.Combine(results, "accuracy.png")).Should().StartWith(new byte[] { 0x89, (byte)'P', (byte)'N', (byte)'G' });
    }

    [Fact]
    public void Trains_without_privacy()
    {
        var (code, output, _) = Invoke("--no-privacy", "--data", _data.Path, "--output", _output.Path, "--batch-size", "100", "--epochs", "1");
        code.Should().Be(0);
        output.Should().Contain("without privacy").And.NotContain("epsilon");
        ResultsFile.Read(_output["results.json"]).Should().Match<ResultsFile>(file => file.Epsilon == null && file.Guarantee == null);
    }

    [Fact]
    public void An_interrupted_run_still_writes_its_results()
    {
        var settings = new SampleSettings(new Hyperparameters(), _data.Path, _output.Path, Threads: null);
        var output = new StringWriter();
        Sample.Run(settings with { Hyperparameters = new() { BatchSize = 100 } }, output, new CancellationToken(canceled: true)).Should().Be(130);
        output.ToString().Should().Contain("Interrupted").And.Contain("nothing was spent");
        ResultsFile.Read(_output["results.json"]).Should().Match<ResultsFile>(file => file.Interrupted && file.Steps == 0);
        File.Exists(_output["accuracy.png"]).Should().BeTrue();
    }

    [Theory]
    [InlineData("--epochs must be a whole number from 1 to 100000, but it is '0'.", "--epochs", "0")]
    [InlineData("--epochs must be a whole number from 1 to 100000, but it is '1.5'.", "--epochs", "1.5")]
    [InlineData("--batch-size must be a whole number, at least 1", "--batch-size", "-1")]
    [InlineData("--batch-size must be at most the number of training images, 500, but it is 501.", "--batch-size", "501")]
    [InlineData("--learning-rate must be positive and finite, but it is 'NaN'.", "--learning-rate", "NaN")]
    [InlineData("--noise-multiplier must be at least 0 and finite, but it is '-1'.", "--noise-multiplier", "-1")]
    [InlineData("--l2-norm-clip must be positive and finite, but it is '0'.", "--l2-norm-clip", "0")]
    [InlineData("--microbatches must be a whole number, at least 1, but it is 'many'.", "--microbatches", "many")]
    [InlineData("--microbatches must divide --batch-size, but 7 does not divide 250.", "--microbatches", "7")]
    [InlineData("--delta must be above 0 and below 1, but it is '1'.", "--delta", "1")]
    [InlineData("--seed must be a whole number, at least 0, but it is '-3'.", "--seed", "-3")]
    [InlineData("--threads must be a whole number from 1 to 1024, but it is '0'.", "--threads", "0")]
    [InlineData("--delta means nothing with --no-privacy.", "--no-privacy", "--delta", "1e-6")]
    [InlineData("'--bogus'", "--bogus")]
    public void A_bad_option_is_refused_with_its_range(string message, params string[] arguments)
    {
        var (code, output, error) = Invoke([.. arguments, "--data", _data.Path, "--output", _output.Path]);
        code.Should().Be(1);
        error.Should().Contain(message).And.NotContain("   at ");
        output.Should().NotContain("epoch");
        _output.Files.Should().BeEmpty();
    }

    [Fact]
    public void Damaged_data_end_in_a_message_and_not_in_a_stack_trace()
    {
        File.WriteAllText(_data["train-labels-idx1-ubyte.gz"], "not a gzip file");
        var (code, _, error) = Invoke("--data", _data.Path, "--output", _output.Path);
        code.Should().Be(1);
        error.Should().StartWith($"{_data["train-labels-idx1-ubyte.gz"]}: it is not an IDX file of unsigned bytes").And.NotContain("   at ");
    }

    [Fact]
    public void An_output_folder_that_is_a_file_is_refused_before_training()
    {
        File.WriteAllText(_output["file"], "");
        var (code, output, error) = Invoke("--data", _data.Path, "--output", _output["file"]);
        code.Should().Be(1);
        error.Should().Contain(_output["file"]);
        output.Should().BeEmpty();
    }

    [Fact]
    public void The_help_names_every_option()
    {
        var (code, output, _) = Invoke("--help");
        code.Should().Be(0);
        output.Should().ContainAll(
            "--recipe", "--target-epsilon", "--epochs", "--batch-size", "--learning-rate", "--noise-multiplier", "--l2-norm-clip", "--microbatches", "--delta", "--seed",
            "--data", "--output", "--no-privacy", "--threads", "dataset-fashion-mnist", "do not publish");
    }

    private static (int Code, string Output, string Error) Invoke(params string[] arguments)
    {
        var (output, error) = (new StringWriter(), new StringWriter());
        return (CommandLine.Invoke(arguments, output, error), output.ToString(), error.ToString());
    }
}
