namespace DpSgd;

/// <summary>One enumeration of a loader.</summary>
/// <param name="number">How many there were before.</param>
internal sealed class Epoch(long number)
{
    public long Number => number;

    /// <summary>Whether a step was made of any of its batches: then it is training, and no other use of the data.</summary>
    public bool HasSteps { get; set; }

    /// <summary>How many of its batches the loop passed over without a step.</summary>
    public long LeftOut { get; set; }

    /// <summary>Whether one of those was empty.</summary>
    public bool LeftOutAnEmptyBatch { get; set; }
}
