using System.CommandLine;
using System.CommandLine.Invocation;
using System.CommandLine.Parsing;
using System.Security.Cryptography;
using MnistCnn.Recipes;
using MnistCnn.Training;

namespace MnistCnn;

/// <summary>The command line: every hyperparameter is an option, and its default is the tutorial's value; or a recipe chooses them.</summary>
internal static class CommandLine
{
    private const int Failure = 1;

    private static readonly Hyperparameters Tutorial = new();

    private static readonly Option<Recipe> Recipe = new("--recipe")
    {
        HelpName = "tutorial|best",
        Description =
            "'best' trains another network, on fixed edge filters, with hyperparameters that were searched for: the most accuracy " +
            "known here for an epsilon. The search was not private.",
        CustomParser = ParseRecipe,
        DefaultValueFactory = _ => Training.Recipe.Tutorial,
    };

    private static readonly Option<double> TargetEpsilon = NumberOption.Create(
        "--target-epsilon", "What --recipe best may spend; it chooses all else. The default is what the tutorial spends.",
        "at least 0.01 and at most 100", value => value is >= 0.01 and <= 100, BestRecipe.TutorialEpsilon);

    private static readonly Option<int> Epochs = NumberOption.Create(
        "--epochs", "Passes over the training images.", "a whole number from 1 to 100000",
        value => value is >= 1 and <= 100_000, Tutorial.Epochs);

    private static readonly Option<int> BatchSize = NumberOption.Create(
        "--batch-size", "Images in a batch, on average: each is in each batch with the same probability.",
        "a whole number, at least 1 and at most the number of training images", value => value >= 1, Tutorial.BatchSize);

    private static readonly Option<double> LearningRate = NumberOption.Create(
        "--learning-rate", "Learning rate of SGD.", "positive and finite", IsPositive, Tutorial.LearningRate);

    private static readonly Option<double> NoiseMultiplier = NumberOption.Create(
        "--noise-multiplier", "Standard deviation of the noise over the clip norm. With 0 there is no privacy.",
        "at least 0 and finite", value => value >= 0 && double.IsFinite(value), Tutorial.NoiseMultiplier);

    private static readonly Option<double> L2NormClip = NumberOption.Create(
        "--l2-norm-clip", "Norm to which the gradient of each microbatch is clipped.", "positive and finite",
        IsPositive, Tutorial.L2NormClip);

    private static readonly Option<int?> Microbatches = NumberOption.CreateOptional<int>(
        "--microbatches", "Into how many microbatches a batch is divided; they must divide it. [default: one image a microbatch]",
        "a whole number, at least 1", value => value >= 1);

    private static readonly Option<double> Delta = NumberOption.Create(
        "--delta", "Delta for which epsilon is computed.", "above 0 and below 1", value => value is > 0 and < 1, Tutorial.Delta);

    private static readonly Option<long?> Seed = NumberOption.CreateOptional<long>(
        "--seed", "Decides the model's initial weights, never the batches or the noise. [default: drawn anew, and reported]",
        "a whole number, at least 0", value => value >= 0);

    private static readonly Option<bool> NoPrivacy = new("--no-privacy")
    {
        Description = "Train the same model with ordinary SGD, to compare.",
    };

    private static readonly Option<string?> Data = new("--data")
    {
        HelpName = "folder",
        Description =
            "Another data set with MNIST's format and file names, gzipped or not. Debian's package dataset-fashion-mnist, for " +
            "example, installs one in /usr/share/datasets/fashion-mnist. [default: the bundled MNIST]",
    };

    private static readonly Option<string> Output = new("--output")
    {
        HelpName = "folder",
        Description = "Where results.json and accuracy.png go; made if it does not exist.",
        DefaultValueFactory = _ => "mnist-results",
    };

    private static readonly Option<int?> Threads = NumberOption.CreateOptional<int>(
        "--threads", "Threads for computing. [default: TorchSharp's choice]", "a whole number from 1 to 1024", value => value is >= 1 and <= 1024);

    /// <summary>Runs the sample.</summary>
    /// <param name="arguments">What was typed after the program's name.</param>
    /// <param name="output">For what the program has to say; null for standard output.</param>
    /// <param name="error">For what is wrong; null for standard error.</param>
    /// <returns>The exit code.</returns>
    public static int Invoke(string[] arguments, TextWriter? output = null, TextWriter? error = null)
    {
        var parsed = Create().Parse(arguments);
        if (parsed.Action is ParseErrorAction errorAction)
            errorAction.ShowHelp = false;   // which is longer than a screen, and would hide the error
        return parsed.Invoke(new InvocationConfiguration
        {
            Output = output ?? Console.Out,
            Error = error ?? Console.Error,
            ProcessTerminationTimeout = null,   // Ctrl-C is for Interruption
        });
    }

    private static RootCommand Create()
    {
        var command = new RootCommand(
            "Trains TensorFlow Privacy's MNIST tutorial with differential privacy. The training loss and accuracy shown on the way " +
            "are computed from the private images without noise: the guarantee does not cover them, so do not publish them.")
        {
            Recipe, TargetEpsilon, Epochs, BatchSize, LearningRate, NoiseMultiplier, L2NormClip, Microbatches, Delta, Seed,
            NoPrivacy, Data, Output, Threads,
        };
        command.Validators.Add(RefusePrivacyWithoutPrivacy);
        command.Validators.Add(RefuseWhatTheRecipeChooses);
        command.SetAction(Run);
        return command;
    }

    private static void RefusePrivacyWithoutPrivacy(CommandResult result)
    {
        if (result.GetResult(NoPrivacy) is not { Implicit: false })
            return;
        foreach (var option in new Option[] { NoiseMultiplier, L2NormClip, Microbatches, Delta })
        {
            if (result.GetResult(option) is { Implicit: false })
                result.AddError($"{option.Name} means nothing with --no-privacy. Leave one of them out.");
        }
    }

    private static void RefuseWhatTheRecipeChooses(CommandResult result)
    {
        // From what was typed: the value of an option that is wrong cannot be asked for.
        var typed = result.GetResult(Recipe) is { Implicit: false, Tokens: [var token] } ? token.Value : "";
        if (!IsRecipe(typed, out var recipe) || recipe != Training.Recipe.Best)
        {
            if (result.GetResult(TargetEpsilon) is { Implicit: false })
                result.AddError($"{TargetEpsilon.Name} is for {Recipe.Name} best. Choose it, or give {NoiseMultiplier.Name} instead.");
            return;
        }
        foreach (var option in new Option[] { Epochs, BatchSize, LearningRate, NoiseMultiplier, L2NormClip, Microbatches, NoPrivacy })
        {
            if (result.GetResult(option) is { Implicit: false })
                result.AddError($"{option.Name} is chosen by {Recipe.Name} best. Leave one of them out.");
        }
    }

    private static Recipe ParseRecipe(ArgumentResult result)
    {
        var text = result.Tokens[0].Value;
        if (IsRecipe(text, out var recipe))
            return recipe;
        result.AddError($"{Recipe.Name} must be tutorial or best, but it is '{text}'.");
        return default;
    }

    private static bool IsRecipe(string text, out Recipe recipe) =>
        Enum.TryParse(text, ignoreCase: true, out recipe) && text.All(char.IsAsciiLetter);   // TryParse takes numbers too

    private static int Run(ParseResult arguments)
    {
        var (output, error) = (arguments.InvocationConfiguration.Output, arguments.InvocationConfiguration.Error);
        try
        {
            using var interruption = new Interruption();
            return Sample.Run(Settings(arguments), output, interruption.Token);
        }
        catch (Exception e) when (e is IOException or InvalidDataException or UnauthorizedAccessException or UsageException)
        {
            error.WriteLine(e.Message);
            return Failure;
        }
    }

    private static SampleSettings Settings(ParseResult arguments) => new(
        new Hyperparameters
        {
            Recipe = arguments.GetValue(Recipe),
            TargetEpsilon = arguments.GetValue(Recipe) == Training.Recipe.Best ? arguments.GetValue(TargetEpsilon) : null,
            Epochs = arguments.GetValue(Epochs),
            BatchSize = arguments.GetValue(BatchSize),
            LearningRate = arguments.GetValue(LearningRate),
            IsPrivate = !arguments.GetValue(NoPrivacy),
            NoiseMultiplier = arguments.GetValue(NoiseMultiplier),
            L2NormClip = arguments.GetValue(L2NormClip),
            Microbatches = arguments.GetValue(Microbatches),
            Delta = arguments.GetValue(Delta),
            Seed = arguments.GetValue(Seed) ?? RandomNumberGenerator.GetInt32(int.MaxValue),
        },
        arguments.GetValue(Data),
        arguments.GetValue(Output)!,
        arguments.GetValue(Threads));

    private static bool IsPositive(double value) => value > 0 && double.IsFinite(value);
}
