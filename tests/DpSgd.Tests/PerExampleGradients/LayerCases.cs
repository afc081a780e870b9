using TorchSharp;
using static TorchSharp.torch;

namespace DpSgd.Tests.PerExampleGradients;

/// <summary>What the layer rules are tried on.</summary>
internal static class LayerCases
{
    public static readonly IReadOnlyDictionary<string, LayerCase> All = new Dictionary<string, LayerCase>
    {
        ["Linear"] = new(() => nn.Linear(6, 4), 6),
        ["Linear without bias"] = new(() => nn.Linear(6, 4, hasBias: false), 6),
        ["Linear on a sequence"] = new(() => nn.Linear(6, 4), 3, 6),
        ["Linear on a long sequence"] = new(() => nn.Linear(2, 3), 40, 2),
        ["Linear on a short sequence"] = new(() => nn.Linear(40, 50), 2, 40),
        ["Linear on an image"] = new(() => nn.Linear(5, 4), 2, 3, 5),

        ["Conv1d"] = new(() => nn.Conv1d(3, 4, 3), 3, 20),
        ["Conv1d with stride, padding and dilation"] = new(() => nn.Conv1d(2, 4, 3, stride: 2, padding: 2, dilation: 3), 2, 15),
        ["Conv1d 'same' in groups"] = new(() => nn.Conv1d(4, 6, 4, padding: Padding.Same, groups: 2), 4, 9),
        ["Conv1d reflect"] = new(() => nn.Conv1d(2, 3, 3, padding: 2, padding_mode: PaddingModes.Reflect), 2, 7),
        ["Conv1d circular without bias"] = new(() => nn.Conv1d(2, 3, 3, padding: 1, padding_mode: PaddingModes.Circular, bias: false), 2, 7),

        ["Conv2d"] = new(() => nn.Conv2d(3, 4, 3), 3, 8, 7),
        ["Conv2d with long rows"] = new(() => nn.Conv2d(2, 3, 3), 2, 6, 12),
        ["Conv2d without bias"] = new(() => nn.Conv2d(3, 4, 3, bias: false), 3, 6, 6),
        ["Conv2d with stride"] = new(() => nn.Conv2d(2, 4, (3, 2), stride: (2, 3)), 2, 9, 8),
        ["Conv2d with padding"] = new(() => nn.Conv2d(2, 4, (3, 5), padding: (1, 2)), 2, 6, 6),
        ["Conv2d with stride and padding that do not fit"] = new(() => nn.Conv2d(1, 2, 8, stride: 2, padding: 3), 1, 29, 28),
        ["Conv2d 'same'"] = new(() => nn.Conv2d(2, 3, (4, 3), padding: Padding.Same), 2, 6, 7),
        ["Conv2d 'same' with dilation"] = new(() => nn.Conv2d(2, 3, (2, 4), padding: Padding.Same, dilation: (3, 1)), 2, 8, 7),
        ["Conv2d 'same' reflect"] = new(() => nn.Conv2d(2, 3, (4, 3), padding: Padding.Same, padding_mode: PaddingModes.Reflect), 2, 6, 7),
        ["Conv2d 'valid'"] = new(() => nn.Conv2d(2, 3, (2, 3), padding: Padding.Valid), 2, 5, 5),
        ["Conv2d 'valid' replicate"] = new(() => nn.Conv2d(2, 3, (2, 3), padding: Padding.Valid, padding_mode: PaddingModes.Replicate), 2, 5, 5),
        ["Conv2d with dilation"] = new(() => nn.Conv2d(2, 3, (3, 2), dilation: (2, 3)), 2, 8, 9),
        ["Conv2d in groups"] = new(() => nn.Conv2d(6, 9, 3, groups: 3), 6, 5, 5),
        ["Conv2d depthwise"] = new(() => nn.Conv2d(4, 8, 3, groups: 4, padding: 1), 4, 5, 5),
        ["Conv2d reflect"] = new(() => nn.Conv2d(2, 3, (3, 5), padding: (1, 2), padding_mode: PaddingModes.Reflect), 2, 6, 7),
        ["Conv2d replicate"] = new(() => nn.Conv2d(2, 3, 3, padding: 2, padding_mode: PaddingModes.Replicate), 2, 6, 7),
        ["Conv2d circular"] = new(() => nn.Conv2d(2, 3, (3, 5), padding: (1, 2), stride: (2, 2), padding_mode: PaddingModes.Circular), 2, 6, 7),
        ["Conv2d constant"] = new(() => nn.Conv2d(2, 3, (3, 5), padding: (1, 2), padding_mode: PaddingModes.Constant), 2, 6, 7),
        ["Conv2d 1x1"] = new(() => nn.Conv2d(3, 5, 1), 3, 4, 4),

        ["Conv3d"] = new(() => nn.Conv3d(2, 3, (2, 3, 2)), 2, 4, 5, 10),
        ["Conv3d with stride, padding and dilation"] = new(() => nn.Conv3d(2, 3, (3, 2, 2), stride: (2, 1, 2), padding: (1, 0, 2), dilation: (1, 2, 1)), 2, 5, 4, 6),
        ["Conv3d 'same' in groups"] = new(() => nn.Conv3d(4, 2, (2, 3, 4), padding: Padding.Same, groups: 2), 4, 3, 3, 4),
        ["Conv3d replicate"] = new(() => nn.Conv3d(1, 2, 2, padding: 1, padding_mode: PaddingModes.Replicate), 1, 3, 4, 3),
        ["Conv3d reflect"] = new(() => nn.Conv3d(1, 2, (2, 3, 2), padding: (1, 0, 2), padding_mode: PaddingModes.Reflect), 1, 3, 4, 3),
        ["Conv3d circular"] = new(() => nn.Conv3d(1, 2, 2, padding: 1, padding_mode: PaddingModes.Circular, bias: false), 1, 3, 4, 3),

        ["ConvTranspose1d"] = new(() => nn.ConvTranspose1d(3, 4, 3), 3, 10),
        ["ConvTranspose1d with all"] = new(() => nn.ConvTranspose1d(4, 6, 3, stride: 3, padding: 2, output_padding: 1, dilation: 2, groups: 2), 4, 6),
        ["ConvTranspose2d"] = new(() => nn.ConvTranspose2d(3, 2, (3, 2)), 3, 4, 9),
        ["ConvTranspose2d without bias"] = new(() => nn.ConvTranspose2d(2, 3, 3, bias: false), 2, 3, 4),
        ["ConvTranspose2d with all"] = new(() => nn.ConvTranspose2d(4, 6, (3, 2), stride: (2, 3), padding: (1, 2), output_padding: (1, 1), dilation: (1, 3), groups: 2), 4, 4, 5),
        ["ConvTranspose2d with output padding beyond the stride"] = new(() => nn.ConvTranspose2d(2, 3, 2, dilation: 3, output_padding: 2), 2, 3, 4),
        ["ConvTranspose2d with padding beyond the kernel"] = new(() => nn.ConvTranspose2d(2, 3, 2, padding: 2), 2, 5, 6),
        ["ConvTranspose3d"] = new(() => nn.ConvTranspose3d(2, 3, (2, 3, 2)), 2, 3, 2, 8),
        ["ConvTranspose3d with all"] = new(() => nn.ConvTranspose3d(2, 4, (2, 3, 2), stride: (2, 2, 2), padding: (1, 0, 1), output_padding: (1, 1, 1), dilation: (2, 1, 1), groups: 2), 2, 3, 2, 3),

        ["Embedding"] = new(() => nn.Embedding(5, 3), (batch, _) => [LayerCase.Tokens(batch, 5, 7)]),
        ["Embedding of one token"] = new(() => nn.Embedding(4, 3), (batch, _) => [LayerCase.Tokens(batch, 4)]),
        ["Embedding of a table of tokens"] = new(() => nn.Embedding(30, 2), (batch, _) => [LayerCase.Tokens(batch, 30, 2, 4)]),
        ["Embedding with padding"] = new(() => Scaled(nn.Embedding(4, 3, padding_idx: 2)), (batch, _) => [LayerCase.Tokens(batch, 4, 6)]),
        ["Embedding, sparse, with padding from behind"] = new(() => Scaled(nn.Embedding(4, 3, padding_idx: -1, sparse: true)), (batch, _) => [LayerCase.Tokens(batch, 4, 6)]),
        ["Embedding of short tokens"] = new(() => nn.Embedding(5, 3), (batch, _) => [LayerCase.Tokens(batch, 5, 7).to(ScalarType.Int32)]),
        ["EmbeddingBag"] = new(() => nn.EmbeddingBag(5, 3), (batch, _) => [LayerCase.Tokens(batch, 5, 7), null, null]),
        ["EmbeddingBag sum"] = new(() => nn.EmbeddingBag(5, 3, mode: EmbeddingBagMode.Sum), (batch, _) => [LayerCase.Tokens(batch, 5, 7), null, null]),
        ["EmbeddingBag with weights"] = new(() => nn.EmbeddingBag(5, 3, mode: EmbeddingBagMode.Sum), (batch, type) => [LayerCase.Tokens(batch, 5, 7), null, LayerCase.Normal(batch, type, 7)]),
        ["EmbeddingBag with padding"] = new(() => Scaled(nn.EmbeddingBag(3, 4, padding_index: 1)), (batch, _) => [LayerCase.Tokens(batch, 3, 2), null, null]),
        ["EmbeddingBag sum with padding and weights"] = new(() => Scaled(nn.EmbeddingBag(3, 4, padding_index: 0, mode: EmbeddingBagMode.Sum)), (batch, type) => [LayerCase.Tokens(batch, 3, 5), null, LayerCase.Normal(batch, type, 5)]),
        ["EmbeddingBag of one row"] = new(() => Scaled(nn.EmbeddingBag(2, 4, padding_index: 0, mode: EmbeddingBagMode.Sum)), (batch, type) => [LayerCase.Tokens(batch, 2, 9), null, null]),

        ["Bilinear"] = new(() => nn.Bilinear(3, 4, 5), (batch, type) => [LayerCase.Normal(batch, type, 3), LayerCase.Normal(batch, type, 4)]),
        ["Bilinear to few on a sequence"] = new(() => nn.Bilinear(3, 4, 2), (batch, type) => [LayerCase.Normal(batch, type, 6, 3), LayerCase.Normal(batch, type, 6, 4)]),
        ["Bilinear without bias"] = new(() => nn.Bilinear(3, 2, 4, hasBias: false), (batch, type) => [LayerCase.Normal(batch, type, 2, 2, 3), LayerCase.Normal(batch, type, 2, 2, 2)]),

        ["PReLU"] = new(() => nn.PReLU(1), 4, 5),
        ["PReLU by channel"] = new(() => nn.PReLU(4), 4, 3, 2),
        ["PReLU by feature"] = new(() => nn.PReLU(6), 6),

        ["LayerNorm"] = new(() => Scaled(nn.LayerNorm(6)), 6),
        ["LayerNorm on a sequence"] = new(() => Scaled(nn.LayerNorm(6, eps: 0.1)), 4, 2, 6),
        ["LayerNorm of several dimensions"] = new(() => Scaled(nn.LayerNorm([3, 4])), 5, 3, 4),
        ["LayerNorm without bias"] = new(() => Scaled(nn.LayerNorm(6, bias: false)), 3, 6),
        ["GroupNorm"] = new(() => Scaled(nn.GroupNorm(2, 6)), 6, 5),
        ["GroupNorm on an image"] = new(() => Scaled(nn.GroupNorm(3, 6, eps: 0.1)), 6, 4, 3),
        ["GroupNorm1d on features"] = new(() => Scaled(new GroupNorm1d(2, 6)), 6),
        ["GroupNorm1d on a sequence"] = new(() => Scaled(new GroupNorm1d(3, 6)), 6, 4),
        ["InstanceNorm1d"] = new(() => Scaled(nn.InstanceNorm1d(3, affine: true)), 3, 8),
        ["InstanceNorm2d"] = new(() => Scaled(nn.InstanceNorm2d(3, eps: 0.1, affine: true)), 3, 4, 5),
        ["InstanceNorm3d"] = new(() => Scaled(nn.InstanceNorm3d(2, affine: true)), 2, 3, 2, 4),
    };

    /// <summary>Other values than the ones and zeros that such layers begin with.</summary>
    private static nn.Module Scaled(nn.Module layer)
    {
        foreach (var parameter in layer.parameters())
            nn.init.normal_(parameter);
        return layer;
    }
}
