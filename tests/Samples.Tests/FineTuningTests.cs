namespace Samples.Tests;

/// <summary>The sample in a short form.</summary>
public class FineTuningTests
{
    [Fact]
    public void It_learns_on_frozen_layers_and_prints_its_guarantee()
    {
        var printed = Run("--epochs", "2", "--epsilon", "1");
        printed.Should().Contain("30596 public images")
            .And.Contain("2000 private images, 7845 trained parameters of 21093.")
            .And.Contain("epsilon 1.000")
            .And.Contain("iterated over 10 steps satisfies differential privacy with eps = 1 and delta = 1e-05.");
        SampleRun.Accuracy(printed).Should().BeGreaterThan(0.7, "a guess is right once in five times");
    }

    [Fact]
    public void From_scratch_all_layers_are_trained()
    {
        var printed = Run("--epochs", "1", "--from-scratch");
        printed.Should().Contain("21093 trained parameters of 21093.").And.NotContain("public images");
    }

    [Fact]
    public void Without_privacy_it_claims_nothing()
    {
        var printed = Run("--epochs", "1", "--no-privacy", "--from-scratch");
        printed.Should().Contain("there is no guarantee").And.NotContain("epsilon");
    }

    [Theory]
    [InlineData("--epsilon means nothing with --no-privacy.", "--no-privacy", "--epsilon", "2")]
    [InlineData("--epochs must be a whole number from 1 to 1000, but it is '0'.", "--epochs", "0")]
    [InlineData("--epsilon must be above 0 and at most 100, but it is 'NaN'.", "--epsilon", "NaN")]
    public void A_bad_option_is_refused(string message, params string[] arguments)
    {
        var (output, error) = (new StringWriter(), new StringWriter());
        FineTuning.Sample.Invoke(arguments, output, error).Should().Be(1);
        error.ToString().Should().Contain(message).And.NotContain("   at ");
        output.ToString().Should().BeEmpty();
    }

    private static string Run(params string[] arguments) => SampleRun.Run(FineTuning.Sample.Invoke, arguments);
}
