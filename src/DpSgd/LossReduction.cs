namespace DpSgd;

/// <summary>How the loss that <c>backward()</c> was called on combines the losses of the examples.</summary>
/// <remarks>
/// It must be exactly one of these, and the one that it says: with the wrong one the guarantee does not hold, and nothing
/// can notice. A loss that weighs examples by each other, such as a mean over the tokens of all
/// examples, a mean with class weights or with <c>ignore_index</c>, lets one example change another's gradient: then use per-example losses, with
/// <c>optimizer.step(() => losses)</c>.
/// </remarks>
public enum LossReduction
{
    /// <summary>The mean over examples, as TorchSharp's losses do by default.</summary>
    Mean,

    /// <summary>The sum over examples.</summary>
    Sum,
}
