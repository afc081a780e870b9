using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace DpSgd;

/// <summary>
/// Group normalisation (Wu and He, "Group Normalization", 2018) wherever BatchNorm1d can stand: on features [B, C] as well
/// as on sequences [B, C, L]. TorchSharp's GroupNorm, which does the work, takes no [B, C].
/// </summary>
public sealed class GroupNorm1d : nn.Module<Tensor, Tensor>
{
    private readonly GroupNorm _norm;

    /// <summary>Makes the layer.</summary>
    /// <param name="numGroups">Into how many groups the channels are divided; a divisor of their number.</param>
    /// <param name="numChannels">Number of channels, C.</param>
    /// <param name="eps">Added to the variance.</param>
    /// <param name="affine">Whether each channel is then scaled and shifted by trained numbers.</param>
    /// <exception cref="ArgumentException">The groups do not divide the channels.</exception>
    public GroupNorm1d(long numGroups, long numChannels, double eps = 1e-5, bool affine = true)
        : base(nameof(GroupNorm1d))
    {
        if (numGroups < 1 || numChannels < 1 || numChannels % numGroups != 0)
            throw new ArgumentException($"{numGroups} groups do not divide {numChannels} channels.", nameof(numGroups));
        _norm = nn.GroupNorm(numGroups, numChannels, eps, affine);
        if (affine)
        {
            // TorchSharp leaves them as it finds them in memory.
            nn.init.ones_(_norm.weight);
            nn.init.zeros_(_norm.bias!);
        }
        register_module("norm", _norm);
    }

    internal GroupNorm Norm => _norm;

    /// <summary>Normalises each group of channels of each example by itself.</summary>
    /// <param name="input">[B, C] or [B, C, L].</param>
    /// <returns>A tensor of the input's shape.</returns>
    public override Tensor forward(Tensor input)
    {
        if (input.dim() != 2)
            return _norm.call(input);
        using var one = input.unsqueeze(2);
        using var normalized = _norm.call(one);
        return normalized.squeeze(2);
    }
}
