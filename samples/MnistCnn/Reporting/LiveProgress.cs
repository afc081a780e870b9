using MnistCnn.Training;
using Spectre.Console;

namespace MnistCnn.Reporting;

/// <summary>Progress as a bar that moves, for a terminal.</summary>
internal sealed class LiveProgress : ITrainingProgress
{
    private const int BarWidth = 16;   // so that all fits into 80 columns
    private static readonly TimeSpan Refresh = TimeSpan.FromMilliseconds(250);

    private readonly IAnsiConsole _console;
    private readonly ProgressTask _task;
    private readonly int _epochs;

    private LiveProgress(IAnsiConsole console, ProgressTask task, int epochs)
    {
        _console = console;
        _task = task;
        _epochs = epochs;
    }

    /// <summary>Runs something that reports its progress, with the bar below what it prints.</summary>
    public static TrainingResult Run(IAnsiConsole console, int epochs, Func<ITrainingProgress, TrainingResult> train)
    {
        var progress = console.Progress().AutoClear(true).Columns(
            new ProgressBarColumn { Width = BarWidth },
            new PercentageColumn(),
            new RemainingTimeColumn(),
            new TaskDescriptionColumn { Alignment = Justify.Left });
        progress.RefreshRate = Refresh;
        return progress.Start(context => train(new LiveProgress(console, context.AddTask("starting"), epochs)));
    }

    public void OnStep(StepProgress step)
    {
        _task.MaxValue = (double)_epochs * step.StepsInEpoch;
        _task.Value = (double)(step.Epoch - 1) * step.StepsInEpoch + step.Step;
        _task.Description = Markup.Escape($"{step.Epoch}/{_epochs} {ProgressText.Of(step)}");
    }

    public void OnEpoch(EpochResult epoch) => _console.WriteLine(ProgressText.Of(epoch, _epochs));
}
