namespace DpSgd.ML;

/// <summary>What a private regression trains on, how, and how privately.</summary>
public sealed record DpSgdRegressionOptions : DpSgdTrainerOptions
{
    /// <summary>
    /// Between what bounds labels can be. Known beforehand, not looked up in the rows. Labels are clamped to it and scaled to
    /// [-1, 1] for training, and predictions are scaled back; they may go beyond it.
    /// </summary>
    public required ValueRange LabelRange
    {
        get;
        init => field = Valid(value, nameof(LabelRange));
    }
}
