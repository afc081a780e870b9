using DpSgd.Layers.Attention;
using static TorchSharp.torch;

namespace DpSgd.PerExampleGradients;

/// <summary>A trained row at the end of each sequence: its gradient is that of the output's last row.</summary>
internal sealed class AppendedRowRule : LayerRule
{
    public override Type LayerType => typeof(AppendedRow);

    internal override int BatchedDimensions(nn.Module layer) => 3;

    internal override PerExampleGradient GradientOf(string parameter, LayerUse use, Workspace workspace) =>
        new WrittenOutGradient(use.OutputGradient.select(1, use.Input.shape[1]));
}
