using MnistCnn.Data;
using MnistCnn.Recipes;
using MnistCnn.Reporting;
using MnistCnn.Tests.TestKit;
using MnistCnn.Training;

namespace MnistCnn.Tests.Recipes;

/// <summary>The recipe from the command line to the results, on few images.</summary>
public sealed class BestRecipeTests : IDisposable
{
    private readonly TemporaryFolder _data = new();
    private readonly TemporaryFolder _output = new();

    public BestRecipeTests() => SmallMnist.Write(_data.Path);

    public void Dispose()
    {
        _data.Dispose();
        _output.Dispose();
    }

    [Fact]
    public void It_spends_what_it_was_given_and_says_that_its_search_was_not_private()
    {
        var (code, output, error) = Invoke("--recipe", "best", "--target-epsilon", "2.5", "--seed", "5");
        error.Should().BeEmpty();
        code.Should().Be(0);
        output.Should().Contain("search that was not private").And.Contain("PldAccountant");

        var file = ResultsFile.Read(_output["results.json"]);
        file.Epsilon.Should().BeInRange(2.49, 2.5);
        var expected = BestRecipe.For(new Hyperparameters { Recipe = Recipe.Best, TargetEpsilon = 2.5, Seed = 5 }, SmallMnist.TrainCount);
        file.Hyperparameters.Should().Be(expected with { NoiseMultiplier = file.Hyperparameters.NoiseMultiplier });
        file.Hyperparameters.BatchSize.Should().Be(SmallMnist.TrainCount / 30);
        output.Should().Contain($"iterated over {file.Steps} steps").And.Contain(file.Guarantee);
    }

    [Fact]
    public void Its_default_target_is_what_the_tutorial_spends()
    {
        Invoke("--recipe", "BEST").Code.Should().Be(0);
        ResultsFile.Read(_output["results.json"]).Epsilon.Should().BeInRange(0.56, 0.563);
    }

    [Fact]
    public void Without_noise_it_learns()
    {
        using var images = MnistData.Load(_data.Path);
        using var maps = OrientedEdges.Of(images);
        var recipe = BestRecipe.For(new Hyperparameters { Recipe = Recipe.Best, TargetEpsilon = 1, Seed = 1 }, images.Train.Count);
        // So few images would drown in the noise.
        using var training = new TrainingRun(maps, recipe with { TargetEpsilon = null, NoiseMultiplier = 0 });
        training.Run(new PlainProgress(TextWriter.Null, recipe.Epochs)).Epochs[^1].AverageTestAccuracy.Should().BeGreaterThan(0.6);
    }

    [Theory]
    [InlineData("--recipe must be tutorial or best, but it is 'worst'.", "--recipe", "worst")]
    [InlineData("--recipe must be tutorial or best, but it is '1'.", "--recipe", "1")]
    [InlineData("--target-epsilon must be at least 0.01 and at most 100, but it is 'NaN'.", "--recipe", "best", "--target-epsilon", "NaN")]
    [InlineData("--target-epsilon is for --recipe best.", "--target-epsilon", "1")]
    [InlineData("--epochs is chosen by --recipe best.", "--recipe", "best", "--epochs", "2")]
    [InlineData("--noise-multiplier is chosen by --recipe best.", "--recipe", "best", "--noise-multiplier", "2")]
    [InlineData("--no-privacy is chosen by --recipe best.", "--recipe", "best", "--no-privacy")]
    public void What_does_not_go_with_it_is_refused(string message, params string[] arguments)
    {
        var (code, output, error) = Invoke(arguments);
        code.Should().Be(1);
        error.Should().Contain(message).And.NotContain("   at ");
        output.Should().NotContain("epoch");
        _output.Files.Should().BeEmpty();
    }

    private (int Code, string Output, string Error) Invoke(params string[] arguments)
    {
        var (output, error) = (new StringWriter(), new StringWriter());
        var code = CommandLine.Invoke([.. arguments, "--data", _data.Path, "--output", _output.Path], output, error);
        return (code, output.ToString(), error.ToString());
    }
}
