using TorchSharp;
using TorchSharp.Modules;
using TorchSharp.Utils;
using static TorchSharp.torch;

namespace DpSgd.Layers.Attention;

/// <summary>Adds one trained row at the end of each sequence, the same for all: [B, S, E] to [B, S + 1, E].</summary>
internal sealed class AppendedRow : nn.Module<Tensor, Tensor>
{
    [ComponentName(Name = "row")]
    private readonly Parameter _row;

    public AppendedRow(long size)
        : base(nameof(AppendedRow))
    {
        _row = new Parameter(empty(1, 1, size));
        nn.init.xavier_normal_(_row);
        RegisterComponents();
    }

    public override Tensor forward(Tensor input)
    {
        using var rows = _row.expand(input.shape[0], 1, -1);
        return cat([input, rows], 1);
    }
}
