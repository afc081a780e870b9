using TorchSharp;

namespace DpSgd.Layers.Attention;

/// <summary>The options of a Transformer encoder's layer.</summary>
internal sealed record EncoderOptions(
    long DModel, long Heads, long DimFeedforward, double Dropout, torch.nn.Activations Activation, bool BatchFirst);
