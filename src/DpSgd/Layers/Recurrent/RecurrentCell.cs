using static TorchSharp.torch;

namespace DpSgd.Layers.Recurrent;

/// <summary>What one step of a recurrent network computes.</summary>
internal abstract class RecurrentCell
{
    /// <summary>How many numbers the maps give for one of the hidden state.</summary>
    public abstract int Gates { get; }

    /// <summary>How many tensors [B, hidden] the state has; the first is what is put out.</summary>
    public virtual int States => 1;

    /// <summary>Whether the last gate's hidden part is multiplied by another gate (the reset gate of a GRU).</summary>
    public virtual bool Resets => false;

    /// <param name="input">The image of the input: [B, gates * hidden].</param>
    /// <param name="state">The state before: each [B, hidden].</param>
    /// <param name="weight">The map of the hidden state: [hidden, gates * hidden].</param>
    /// <param name="bias">Its bias where <see cref="Resets"/>, else null.</param>
    /// <returns>The state after, and the reset gate if there is one.</returns>
    public abstract (Tensor[] State, Tensor? Reset) Step(Tensor input, Tensor[] state, Tensor weight, Tensor? bias);
}
