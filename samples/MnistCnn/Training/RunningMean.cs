namespace MnistCnn.Training;

/// <summary>Training loss and accuracy over an epoch so far. See <see cref="StepProgress"/> for whom they are.</summary>
internal sealed class RunningMean
{
    private double _loss;
    private long _correct;
    private long _examples;

    public double Loss => _loss / Math.Max(1, _examples);

    public double Accuracy => (double)_correct / Math.Max(1, _examples);

    public void Add(double meanLoss, long correct, long examples)
    {
        if (examples == 0)   // a mean over nothing is NaN
            return;
        _loss += meanLoss * examples;
        _correct += correct;
        _examples += examples;
    }
}
