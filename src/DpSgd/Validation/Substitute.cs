using DpSgd.PerExampleGradients;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace DpSgd.Validation;

/// <summary>What can take the place of a module that cannot be trained privately.</summary>
/// <param name="Type">The other module's type.</param>
/// <param name="Name">What it is called in a report.</param>
/// <param name="FieldType">The type that a field must have to hold either.</param>
/// <param name="Make">Makes it, with the weights, type, device, mode and frozen parameters of the first as far as they mean the same.</param>
internal sealed record Substitute(Type Type, string Name, string FieldType, Func<nn.Module> Make)
{
    private const long MostGroups = 32;

    // A group of very few features is left with little but their signs.
    private const long FeaturesOfAGroup = 16;

    /// <summary>For a module that is refused; null where nothing of ours can take its place.</summary>
    public static Substitute? For(nn.Module module) => module switch
    {
        BatchNorm1d { num_features: 1 } => null,   // one feature by itself would come out as zero
        BatchNorm1d norm => OfGroups(norm, Groups(norm.num_features, FeaturesOfAGroup)),
        BatchNorm norm => OfGroups(norm, Groups(norm.num_features, Math.Min(2, norm.num_features))),
        InstanceNorm norm => Alike(norm, $"{norm.GetType().Name}(track_running_stats: false)", () => WithoutStatistics(norm)),
        Embedding or EmbeddingBag => OfTable(module),
        LSTM lstm => new(typeof(DPLSTM), nameof(DPLSTM), "IModule<Tensor, (Tensor, Tensor)?, (Tensor, Tensor, Tensor)>", () => DPLSTM.From(lstm)),
        GRU gru => new(typeof(DPGRU), nameof(DPGRU), "IModule<Tensor, Tensor, (Tensor, Tensor)>", () => DPGRU.From(gru)),
        RNN rnn => new(typeof(DPRNN), nameof(DPRNN), "IModule<Tensor, Tensor, (Tensor, Tensor)>", () => DPRNN.From(rnn)),
        MultiheadAttention attention => new(
            typeof(DPMultiheadAttention), nameof(DPMultiheadAttention),
            "Module<Tensor, Tensor, Tensor, Tensor, bool, Tensor, Tuple<Tensor, Tensor>>", () => DPMultiheadAttention.From(attention)),
        TransformerEncoderLayer layer => new(
            typeof(DPTransformerEncoderLayer), nameof(DPTransformerEncoderLayer),
            "IModule<Tensor, Tensor>, or with masks IModule<Tensor, Tensor, Tensor, Tensor>", () => DPTransformerEncoderLayer.From(layer)),
        TransformerEncoder encoder => new(
            typeof(DPTransformerEncoder), nameof(DPTransformerEncoder),
            "IModule<Tensor, Tensor>, or with masks Module<Tensor, Tensor, Tensor, Tensor>", () => DPTransformerEncoder.From(encoder)),
        _ => null,
    };

    /// <summary>The most groups, up to 32, that divide the channels and leave each group at least some of them; or one.</summary>
    private static long Groups(long channels, long least) =>
        Enumerable.Range(1, (int)MostGroups).Select(groups => (long)groups).Last(groups => groups == 1 || (channels % groups == 0 && channels / groups >= least));

    private static Substitute Alike(nn.Module module, string name, Func<nn.Module> make) =>
        new(module.GetType(), name, module.GetType().Name, make);

    private static Substitute OfGroups(BatchNorm norm, long groups)
    {
        var isOneDimensional = norm is BatchNorm1d;
        var type = isOneDimensional ? typeof(GroupNorm1d) : typeof(GroupNorm);
        return new(type, $"{type.Name}({groups}, {norm.num_features})", "Module<Tensor, Tensor>", () =>
        {
            nn.Module made = isOneDimensional
                ? new GroupNorm1d(groups, norm.num_features, norm.eps, norm.affine)
                : nn.GroupNorm(groups, norm.num_features, norm.eps, norm.affine);
            return Like(norm, made);
        });
    }

    private static nn.Module WithoutStatistics(InstanceNorm norm) => Like(norm, norm switch
    {
        InstanceNorm1d => nn.InstanceNorm1d(norm.num_features, norm.eps, affine: norm.affine),
        InstanceNorm2d => nn.InstanceNorm2d(norm.num_features, norm.eps, affine: norm.affine),
        _ => nn.InstanceNorm3d(norm.num_features, norm.eps, affine: norm.affine),
    });

    /// <summary>
    /// A table that leaves its rows as they are. Its gradients are sparse or not as before, which nobody can see; here they
    /// are dense.
    /// </summary>
    private static Substitute? OfTable(nn.Module module)
    {
        using var scope = NewDisposeScope();
        var weight = module is EmbeddingBag bag ? bag.weight! : ((Embedding)module).weight!;
        var traits = EmbeddingProbe.TraitsOfAnyTable(module);
        if (traits.Mode == EmbeddingBagMode.Max)
            return null;
        var (rows, columns) = (weight.shape[0], weight.shape[1]);
        var name = $"{module.GetType().Name}({rows}, {columns})";
        return module is Embedding
            ? Alike(module, name, () => Filled(nn.Embedding(rows, columns, traits.PaddingIndex)))
            : Alike(module, name, () => Filled(nn.EmbeddingBag(rows, columns, mode: traits.Mode, padding_index: traits.PaddingIndex ?? -1)));

        // The table that the layer really uses, which its registered parameter need not be.
        nn.Module Filled(nn.Module made)
        {
            using var used = module is EmbeddingBag bag ? bag.weight! : ((Embedding)module).weight!;
            var isTrained = module.parameters().Single().requires_grad;
            return Like(module, made, [(used, isTrained)]);
        }
    }

    private static nn.Module Like(nn.Module old, nn.Module made) =>
        Like(old, made, [.. old.parameters().Select(p => ((Tensor)p, p.requires_grad))]);

    /// <summary>Gives a module the weights of another, in the same order, and its type, device and mode.</summary>
    private static nn.Module Like(nn.Module old, nn.Module made, IReadOnlyList<(Tensor Value, bool IsTrained)> weights)
    {
        using var noGradient = no_grad();
        if (weights.Count > 0)
            made.to(weights[0].Value.dtype).to(weights[0].Value.device);
        foreach (var (to, (value, isTrained)) in made.parameters().Zip(weights))
        {
            to.copy_(value);
            to.requires_grad = isTrained;
        }
        made.train(old.training);
        return made;
    }
}
