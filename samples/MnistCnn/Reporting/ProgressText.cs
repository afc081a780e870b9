using System.Globalization;
using MnistCnn.Training;

namespace MnistCnn.Reporting;

/// <summary>The words in which progress is told, the same on a terminal as in a file.</summary>
internal static class ProgressText
{
    public static string Of(StepProgress step) => string.Create(
        CultureInfo.InvariantCulture,
        $"loss {step.Loss:F3} accuracy {100 * step.Accuracy:F1}%{Epsilon(step.Epsilon)}");

    public static string Of(EpochResult epoch, int epochs) => string.Create(
        CultureInfo.InvariantCulture,
        $"epoch {epoch.Epochs:0.##}/{epochs} done: test accuracy {100 * epoch.TestAccuracy:F2}% (of averaged weights {100 * epoch.AverageTestAccuracy:F2}%){Epsilon(epoch.Epsilon)}, {epoch.Seconds:F1} s");

    private static string Epsilon(double? epsilon) =>
        epsilon is { } value ? string.Create(CultureInfo.InvariantCulture, $" epsilon {value:F3}") : "";
}
