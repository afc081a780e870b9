using System.Globalization;
using MnistCnn.Training;

namespace MnistCnn.Reporting;

/// <summary>Progress as plain lines, four an epoch, for a file or a pipe.</summary>
internal sealed class PlainProgress(TextWriter output, int epochs) : ITrainingProgress
{
    private const int LinesAnEpoch = 4;

    public void OnStep(StepProgress step)
    {
        var quarter = step.Step * LinesAnEpoch / step.StepsInEpoch;
        if (quarter == (step.Step - 1) * LinesAnEpoch / step.StepsInEpoch)
            return;
        output.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"epoch {step.Epoch}/{epochs}, step {step.Step}/{step.StepsInEpoch}: {ProgressText.Of(step)}"));
        output.Flush();
    }

    public void OnEpoch(EpochResult epoch)
    {
        output.WriteLine(ProgressText.Of(epoch, epochs));
        output.Flush();
    }
}
