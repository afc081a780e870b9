using static TorchSharp.torch;

namespace DpSgd.Clipping;

/// <summary>
/// Flat clipping (Abadi et al., "Deep Learning with Differential Privacy", 2016): a microbatch's whole gradient, all
/// parameters together, is scaled down to norm C where it is longer.
/// </summary>
internal static class FlatClipping
{
    /// <summary>
    /// The factor for each norm: min(1, C / norm); zero where the norm is NaN or infinite, so that such a gradient
    /// contributes nothing.
    /// </summary>
    /// <param name="norms">l2 norms: [M].</param>
    /// <param name="l2NormClip">C.</param>
    public static Tensor Factors(Tensor norms, double l2NormClip)
    {
        using var clip = tensor(l2NormClip, norms.dtype, norms.device);
        return where(norms.isfinite(), clip.div(norms).AtMostOne(), zeros_like(norms));
    }
}
