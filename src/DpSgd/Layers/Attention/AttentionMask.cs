using TorchSharp;
using static TorchSharp.torch;

namespace DpSgd.Layers.Attention;

/// <summary>Which keys a query may look at, from the two kinds of mask that there are.</summary>
internal static class AttentionMask
{
    /// <summary>Applies both masks to scores.</summary>
    /// <param name="scores">[B, heads, L, S + extra].</param>
    /// <param name="keyPadding">[B, S], true where a key is to be ignored; or null.</param>
    /// <param name="attention">[L, S] or [B * heads, L, S], true where not to look, or numbers to be added; or null.</param>
    /// <param name="extra">How many keys were added that the masks do not know: they may be looked at.</param>
    /// <exception cref="ArgumentException">A mask has the wrong shape or type.</exception>
    public static Tensor Apply(Tensor scores, Tensor? keyPadding, Tensor? attention, long extra)
    {
        long batch = scores.shape[0], heads = scores.shape[1], queries = scores.shape[2], keys = scores.shape[3] - extra;
        if (attention is not null)
        {
            RequireShape(attention, "attn_mask", [queries, keys], [batch * heads, queries, keys]);
            var each = attention.dim() == 3 ? attention.reshape(batch, heads, queries, keys) : attention;
            scores = Blocks(each)
                ? scores.masked_fill(Extended(each.to(ScalarType.Bool), extra), double.NegativeInfinity)
                : scores + Extended(each.to(scores.dtype), extra);
        }
        if (keyPadding is not null)
        {
            RequireShape(keyPadding, "key_padding_mask", [batch, keys]);
            if (!Blocks(keyPadding))
                throw new ArgumentException($"A key padding mask is of booleans, not of {keyPadding.dtype}.", "key_padding_mask");
            scores = scores.masked_fill(Extended(keyPadding.to(ScalarType.Bool), extra).view(batch, 1, 1, -1), double.NegativeInfinity);
        }
        return scores;
    }

    /// <summary>TorchSharp takes bytes for booleans.</summary>
    private static bool Blocks(Tensor mask) => mask.dtype is ScalarType.Bool or ScalarType.Byte;

    private static Tensor Extended(Tensor mask, long extra) =>
        extra == 0 ? mask : cat([mask, zeros([.. mask.shape[..^1], extra], dtype: mask.dtype, device: mask.device)], -1);

    private static void RequireShape(Tensor mask, string name, params long[][] shapes)
    {
        if (shapes.Any(shape => mask.shape.SequenceEqual(shape)))
            return;
        var allowed = string.Join(" or ", shapes.Select(shape => $"[{string.Join(", ", shape)}]"));
        throw new ArgumentException($"{name} must be of shape {allowed}; it is of shape [{string.Join(", ", mask.shape)}].", name);
    }
}
