using MnistCnn.Data;
using MnistCnn.Recipes;
using MnistCnn.Reporting;
using MnistCnn.Training;
using Spectre.Console;
using TorchSharp;

namespace MnistCnn;

/// <summary>The sample from end to end: load, train, report, write the results.</summary>
internal static class Sample
{
    public const int Success = 0;
    public const int Interrupted = 130;   // as shells say of a program that ended by Ctrl-C

    /// <returns>The exit code.</returns>
    /// <exception cref="IOException">A file is missing, cannot be read or cannot be written.</exception>
    /// <exception cref="InvalidDataException">The data are damaged.</exception>
    /// <exception cref="UsageException">The options do not go together, or not with the data.</exception>
    /// <exception cref="UnauthorizedAccessException">A file may not be read or written.</exception>
    public static int Run(SampleSettings settings, TextWriter output, CancellationToken stop)
    {
        var hyperparameters = settings.Hyperparameters;
        if (hyperparameters.Microbatches is { } microbatches && hyperparameters.BatchSize % microbatches != 0)
            throw new UsageException($"--microbatches must divide --batch-size, but {microbatches} does not divide {hyperparameters.BatchSize}.");
        Directory.CreateDirectory(settings.OutputDirectory);   // first, lest training be for nothing
        if (settings.Threads is { } threads)
            torch.set_num_threads(threads);

        using var data = settings.DataDirectory is { } directory ? MnistData.Load(directory) : MnistData.LoadBundled();
        if (hyperparameters.Recipe == Recipe.Best)
            hyperparameters = BestRecipe.For(hyperparameters, data.Train.Count);
        if (hyperparameters.BatchSize > data.Train.Count)
            throw new UsageException($"--batch-size must be at most the number of training images, {data.Train.Count}, but it is {hyperparameters.BatchSize}.");
        output.WriteLine(
            $"{data.Name}: {data.Train.Count} training images, {data.Test.Count} test images. " +
            $"Training {(hyperparameters.IsPrivate ? "privately" : "without privacy")}, initial weights from seed {hyperparameters.Seed}.");

        using var maps = hyperparameters.Recipe == Recipe.Best ? OrientedEdges.Of(data) : null;
        using var training = new TrainingRun(maps ?? data, hyperparameters);
        var result = IsTerminal(output)
            ? LiveProgress.Run(AnsiConsole.Console, hyperparameters.Epochs, progress => training.Run(progress, stop))
            : training.Run(new PlainProgress(output, hyperparameters.Epochs), stop);

        Report(settings with { Hyperparameters = training.Hyperparameters }, data, result, output);
        return result.Interrupted ? Interrupted : Success;
    }

    private static void Report(SampleSettings settings, MnistData data, TrainingResult result, TextWriter output)
    {
        if (result.Interrupted)
            output.WriteLine("Interrupted. What follows is about the steps that were taken.");
        output.WriteLine();
        output.WriteLine(result.Guarantee?.Statement ?? "Trained without privacy: there is no guarantee.");
        if (settings.Hyperparameters.Recipe == Recipe.Best)
            output.WriteLine(BestRecipe.SearchWasNotPrivate);
        output.WriteLine();

        var results = Path.Combine(settings.OutputDirectory, ResultsFile.FileName);
        ResultsFile.Of(data, settings.Hyperparameters, result).Write(results);
        output.WriteLine($"Wrote {results}");

        var plot = Path.Combine(settings.OutputDirectory, ResultsPlot.FileName);
        var title = $"{data.Name}, {(settings.Hyperparameters.IsPrivate ? "trained with DP-SGD" : "trained without privacy")}";
        ResultsPlot.Write(plot, title, result.Epochs, settings.Hyperparameters.Delta);
        output.WriteLine($"Wrote {plot}");
    }

    private static bool IsTerminal(TextWriter output) =>
        ReferenceEquals(output, Console.Out) && AnsiConsole.Profile is { Out.IsTerminal: true, Capabilities: { Ansi: true, Interactive: true } };
}
