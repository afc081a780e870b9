using static TorchSharp.torch;

namespace DpSgd.Layers;

/// <summary>A parameter of TorchSharp's layer, or a part of one, and the parameter of ours that corresponds to it.</summary>
/// <param name="Theirs">TorchSharp's.</param>
/// <param name="Ours">Ours.</param>
/// <param name="Trained">Whether TorchSharp's is trained.</param>
internal sealed record WeightPair(Tensor Theirs, Tensor Ours, bool Trained);
