using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace DpSgd.PerExampleGradients;

/// <summary>
/// Finds out what an Embedding or EmbeddingBag was made with, which TorchSharp hands to libtorch and lets nobody read, by
/// small calls of the layer past its hooks. The layer is the same afterwards.
/// </summary>
internal static class EmbeddingProbe
{
    public static EmbeddingTraits Traits(nn.Module layer)
    {
        using var scope = NewDisposeScope();
        var weight = WeightOf(layer);
        var wasTrained = weight.requires_grad;
        weight.requires_grad = true;
        try
        {
            // Each token alone, and twice in the batch.
            var received = Received(layer, weight, arange(weight.shape[0], device: weight.device).view(-1, 1).repeat(2, 1)).sum(dim: 1L);
            var padded = received.eq(0).nonzero();
            long? padding = padded.shape[0] == 0 ? null : padded[0, 0].ToInt64();
            return new(
                padding,
                ScalesByFrequency: received.max().ToDouble() == weight.shape[1],
                layer is EmbeddingBag ? Mode(layer, weight, padding) : default);
        }
        finally
        {
            weight.requires_grad = wasTrained;
        }
    }

    /// <summary>The same for a layer that may have max_norm, which changes its rows whenever it is called.</summary>
    public static EmbeddingTraits TraitsOfAnyTable(nn.Module layer)
    {
        using var weight = WeightOf(layer);
        using var before = weight.detach().clone();
        try
        {
            return Traits(layer);
        }
        finally
        {
            using var noGradient = no_grad();
            weight.copy_(before);
        }
    }

    /// <summary>False for layers made from_pretrained: TorchSharp lists another tensor as the parameter than the layer uses.</summary>
    public static bool UsesItsParameter(nn.Module layer)
    {
        using var weight = WeightOf(layer);
        return TensorIdentity.AreOne(layer.named_parameters(recurse: false).Single().parameter, weight);
    }

    /// <summary>max_norm: a call of the layer shortens the rows that it uses. Found out by a call with a row that is very long.</summary>
    public static bool ShortensRows(nn.Module layer)
    {
        using var scope = NewDisposeScope();
        using var noGradient = no_grad();
        var weight = WeightOf(layer);
        var row = weight.narrow(0, 0, 1);
        var before = row.clone();
        try
        {
            row.fill_(1e15);
            var filled = row.clone();
            Forward(layer, zeros(1, 1, dtype: ScalarType.Int64, device: weight.device));
            return !row.equal(filled).all().ToBoolean();
        }
        finally
        {
            row.copy_(before);
        }
    }

    /// <summary>
    /// In a bag of two different tokens each gets all of the gradient in a sum, half of it in a mean, and all or nothing of
    /// each coordinate in a maximum. With one row that is not padding, mean and maximum are the same.
    /// </summary>
    private static EmbeddingBagMode Mode(nn.Module layer, Parameter weight, long? padding)
    {
        var rows = new[] { 0L, 1, 2 }.Where(row => row < weight.shape[0] && row != padding).Take(2).ToArray();
        if (rows.Length == 0)
            return EmbeddingBagMode.Sum;   // no row ever gets a gradient
        var bag = tensor(new[] { rows[0], rows[^1] }, device: weight.device).view(1, 2);
        var received = Received(layer, weight, bag).index_select(0, tensor(rows, device: weight.device));
        if (received.sum().ToDouble() == 2 * weight.shape[1])
            return EmbeddingBagMode.Sum;
        return rows.Length == 1 || received.eq(0.5).all().ToBoolean() ? EmbeddingBagMode.Mean : EmbeddingBagMode.Max;
    }

    /// <summary>The weight's gradient when each value of the output has gradient one.</summary>
    private static Tensor Received(nn.Module layer, Parameter weight, Tensor tokens)
    {
        using var gradients = enable_grad();
        var earlier = weight.grad;
        weight.grad = null;
        try
        {
            Forward(layer, tokens).sum().backward();
            var received = weight.grad!;
            return (received.is_sparse ? received.to_dense() : received).to(ScalarType.Float64, copy: true);
        }
        finally
        {
            weight.grad = earlier;
        }
    }

    /// <summary>What the layer really uses, as a new object.</summary>
    private static Parameter WeightOf(nn.Module layer) => (layer is EmbeddingBag bag ? bag.weight : ((Embedding)layer).weight)!;

    /// <summary>Tokens [B, T] through the layer.</summary>
    private static Tensor Forward(nn.Module layer, Tensor tokens) => layer is EmbeddingBag bag
        ? bag.forward(tokens, null, null)
        : ((Embedding)layer).forward(tokens);
}
