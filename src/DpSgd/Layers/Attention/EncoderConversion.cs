using DpSgd.Accounting;
using TorchSharp;
using static TorchSharp.torch;

namespace DpSgd.Layers.Attention;

/// <summary>Makes our Transformer encoders of TorchSharp's, and gives the weights back.</summary>
internal static class EncoderConversion
{
    /// <summary>What stands before the names of an encoder's parameters, with the number of the layer.</summary>
    public const string LayerPrefix = "layers.{0}.";

    public static int NumberOfLayers(nn.Module encoder)
    {
        var names = encoder.named_parameters().Select(p => p.name).ToHashSet();
        return Enumerable.Range(0, int.MaxValue).First(i => !names.Contains($"{Prefix(LayerPrefix, i)}linear1.weight"));
    }

    /// <param name="theirs">TorchSharp's layer or encoder.</param>
    /// <param name="prefix">What stands before the names of the parameters of one layer.</param>
    /// <param name="heads">Number of heads, or null to find it.</param>
    /// <param name="dropout">The dropout, or null to find it.</param>
    /// <param name="batchFirst">Whether ours is to be batch first.</param>
    /// <param name="make">Makes ours.</param>
    /// <param name="layersOf">The layers of ours.</param>
    /// <param name="runTheirs">Runs TorchSharp's.</param>
    /// <param name="runOurs">Runs ours.</param>
    public static TOurs From<TOurs>(
        nn.Module theirs,
        string prefix,
        long? heads,
        double? dropout,
        bool batchFirst,
        Func<EncoderOptions, TOurs> make,
        Func<TOurs, IReadOnlyList<DPTransformerEncoderLayer>> layersOf,
        Func<Tensor, Tensor> runTheirs,
        Func<TOurs, Tensor, Tensor> runOurs)
        where TOurs : nn.Module
    {
        using var randomness = new KeptRandomness();
        var like = theirs.named_parameters().Single(p => p.name == $"{Prefix(prefix, 0)}linear1.weight").parameter;
        var size = like.shape[1];
        var ours = make(new EncoderOptions(size, heads ?? 1, like.shape[0], dropout ?? 0, nn.Activations.ReLU, batchFirst));
        try
        {
            using var scope = NewDisposeScope();
            ours.to(like.dtype).to(like.device);
            var layers = layersOf(ours);
            var twins = Pair(theirs, ours, layers, prefix, runTheirs, x => runOurs(ours, x));
            twins.CopyToOurs();
            var options =
                from count in heads is { } given ? [given] : AttentionConversion.Divisors(size)
                from activation in Enum.GetValues<nn.Activations>()
                select (count, activation);
            twins.FindOption(
                options,
                option => Change(layers, o => o with { Heads = option.count, Activation = option.activation, Dropout = 0 }),
                "nHead");
            twins.FindDropout(dropout, p => Change(layers, o => o with { Dropout = p }));
            return ours;
        }
        catch
        {
            ours.Dispose();
            throw;
        }
    }

    public static void GiveBack(
        nn.Module theirs,
        nn.Module ours,
        IReadOnlyList<DPTransformerEncoderLayer> layers,
        string prefix,
        Func<Tensor, Tensor> runTheirs,
        Func<Tensor, Tensor> runOurs)
    {
        using var scope = NewDisposeScope();
        var twins = Pair(theirs, ours, layers, prefix, runTheirs, runOurs);
        twins.CopyToTheirs(() =>
        {
            twins.RequireAgreement();
            twins.FindDropout(layers[0].Options.Dropout, _ => { });
        });
    }

    private static Twins Pair(
        nn.Module theirs,
        nn.Module ours,
        IReadOnlyList<DPTransformerEncoderLayer> layers,
        string prefix,
        Func<Tensor, Tensor> runTheirs,
        Func<Tensor, Tensor> runOurs)
    {
        var remaining = theirs.named_parameters().ToDictionary(p => p.name, p => p.parameter);
        var pairs = new List<WeightPair>();
        for (var i = 0; i < layers.Count; i++)
        {
            pairs.AddRange(AttentionConversion.Weights(theirs, layers[i].Attention, remaining, $"{Prefix(prefix, i)}self_attn."));
            foreach (var (name, parameter) in layers[i].named_parameters().Where(p => !p.name.StartsWith("self_attn.", StringComparison.Ordinal)))
            {
                if (!remaining.Remove(Prefix(prefix, i) + name, out var other) || !other.shape.SequenceEqual(parameter.shape))
                    throw Twins.Different(theirs, "layer");
                pairs.Add(new(other, parameter, other.requires_grad));
            }
        }
        if (remaining.Count > 0)
            throw Twins.Different(theirs, "layer");
        using var generator = new Generator(1);
        var options = layers[0].Options;
        var input = randn([4, 1, options.DModel], generator: generator).to(pairs[0].Ours.dtype).to(pairs[0].Ours.device);
        return new Twins(theirs, ours, pairs, () => [runTheirs(input)], () => [options.BatchFirst
            ? runOurs(input.transpose(0, 1)).transpose(0, 1)
            : runOurs(input)]);
    }

    private static void Change(IEnumerable<DPTransformerEncoderLayer> layers, Func<EncoderOptions, EncoderOptions> change)
    {
        foreach (var layer in layers)
            layer.Options = change(layer.Options);
    }

    private static string Prefix(string prefix, int layer) => prefix.Replace("{0}", $"{layer}", StringComparison.Ordinal);
}
