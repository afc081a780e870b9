using DpSgd.Accounting;
using DpSgd.Layers.Attention;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace DpSgd;

/// <summary>
/// A layer of a Transformer's encoder (Vaswani et al., "Attention Is All You Need", 2017) that can be trained privately:
/// computes what TorchSharp's TransformerEncoderLayer computes (attention and a feed-forward network, each added to its
/// input and then normalised), of parts whose gradient an optimizer can see example by example. <see cref="From"/> makes it
/// of one, <see cref="CopyTo"/> gives one back.
/// </summary>
/// <remarks>
/// In a model that a <see cref="DPOptimizer"/> trains, the model itself takes the example as its first dimension; the
/// layer may be batch first or not.
/// </remarks>
public sealed class DPTransformerEncoderLayer
    : nn.Module<Tensor, Tensor?, Tensor?, Tensor>, nn.IModule<Tensor, Tensor?, Tensor>, nn.IModule<Tensor, Tensor>
{
    private readonly Linear _linear1;
    private readonly Linear _linear2;
    private readonly LayerNorm _norm1;
    private readonly LayerNorm _norm2;

    /// <summary>Makes the layer with random weights.</summary>
    /// <param name="dModel">Features of input and output: a multiple of <paramref name="nHead"/>.</param>
    /// <param name="nHead">Number of attention heads, at least 1.</param>
    /// <param name="dimFeedforward">Width of the feed-forward network, at least 1.</param>
    /// <param name="dropout">Probability of dropping an attention weight, a feature or a sum's term, in [0, 1].</param>
    /// <param name="activation">That of the feed-forward network.</param>
    /// <param name="batchFirst">Whether sequences are [batch, steps, features] rather than [steps, batch, features].</param>
    /// <exception cref="ArgumentOutOfRangeException">An argument is outside its range.</exception>
    /// <exception cref="ArgumentException">The heads do not divide the features.</exception>
    public DPTransformerEncoderLayer(
        long dModel = 512,
        long nHead = 8,
        long dimFeedforward = 2048,
        double dropout = 0.1,
        nn.Activations activation = nn.Activations.ReLU,
        bool batchFirst = false)
        : this(new EncoderOptions(dModel, nHead, dimFeedforward, dropout, activation, batchFirst))
    {
    }

    internal DPTransformerEncoderLayer(EncoderOptions options)
        : base(nameof(DPTransformerEncoderLayer))
    {
        Guard.AtLeast(1, options.DModel, "dModel");
        Guard.AtLeast(1, options.Heads, "nHead");
        Guard.AtLeast(1, options.DimFeedforward, "dimFeedforward");
        Guard.Probability(options.Dropout, "dropout");
        Attention = new DPMultiheadAttention(options.DModel, options.Heads, options.Dropout, batchFirst: true);
        _linear1 = nn.Linear(options.DModel, options.DimFeedforward);
        _linear2 = nn.Linear(options.DimFeedforward, options.DModel);
        _norm1 = nn.LayerNorm(options.DModel);
        _norm2 = nn.LayerNorm(options.DModel);
        Options = options;
        register_module("self_attn", Attention);
        register_module("linear1", _linear1);
        register_module("linear2", _linear2);
        register_module("norm1", _norm1);
        register_module("norm2", _norm2);
    }

    internal DPMultiheadAttention Attention { get; }

    /// <summary>What was given, or was found out since: the sizes and batch first never change.</summary>
    internal EncoderOptions Options
    {
        get;
        set => (field, Attention.Heads, Attention.Dropout) = (value, value.Heads, value.Dropout);
    }

    /// <summary>Runs the layer over a batch of sequences.</summary>
    /// <param name="src">[steps, batch, dModel], or [batch, steps, dModel] with batch first.</param>
    /// <param name="src_mask">
    /// [steps, steps], or [batch * heads, steps, steps]: booleans, true where not to look, or numbers that are added to the
    /// attention scores. Null for none.
    /// </param>
    /// <param name="src_key_padding_mask">[batch, steps], booleans: true where a step is padding. Null for none.</param>
    /// <returns>A tensor of the input's shape.</returns>
    /// <exception cref="ArgumentException">A shape is wrong, or a mask's type.</exception>
    public new Tensor call(Tensor src, Tensor? src_mask, Tensor? src_key_padding_mask) => base.call(src, src_mask, src_key_padding_mask);

    /// <summary>Runs the layer over a batch of sequences without padding.</summary>
    /// <param name="src">[steps, batch, dModel], or [batch, steps, dModel] with batch first.</param>
    /// <param name="src_mask">Where not to look, as in the overload with three arguments.</param>
    /// <returns>A tensor of the input's shape.</returns>
    /// <exception cref="ArgumentException">A shape is wrong, or a mask's type.</exception>
    public Tensor call(Tensor src, Tensor? src_mask) => base.call(src, src_mask, null);

    /// <summary>Runs the layer over a batch of sequences without any mask.</summary>
    /// <param name="src">[steps, batch, dModel], or [batch, steps, dModel] with batch first.</param>
    /// <returns>A tensor of the input's shape.</returns>
    /// <exception cref="ArgumentException">The shape is wrong.</exception>
    public Tensor call(Tensor src) => base.call(src, null, null);

    /// <summary>As <c>call</c>, but hooks do not see it: a model to be trained privately uses <c>call</c>.</summary>
    /// <param name="src">As in <c>call</c>.</param>
    /// <param name="src_mask">As in <c>call</c>.</param>
    /// <param name="src_key_padding_mask">As in <c>call</c>.</param>
    /// <returns>As in <c>call</c>.</returns>
    /// <exception cref="ArgumentException">A shape is wrong, or a mask's type.</exception>
    public override Tensor forward(Tensor src, Tensor? src_mask, Tensor? src_key_padding_mask)
    {
        using var scope = NewDisposeScope();
        var x = Options.BatchFirst ? src : src.transpose(0, 1);
        x = BatchFirst(x, src_mask, src_key_padding_mask);
        return (Options.BatchFirst ? x : x.transpose(0, 1)).MoveToOuterDisposeScope();
    }

    /// <summary>The layer itself, on [batch, steps, dModel].</summary>
    internal Tensor BatchFirst(Tensor x, Tensor? mask, Tensor? keyPadding)
    {
        using var scope = NewDisposeScope();
        x = _norm1.call(x + Drop(Attention.call(x, x, x, keyPadding, false, mask).Item1));
        var inner = _linear1.call(x);
        var active = Options.Activation == nn.Activations.ReLU ? inner.relu() : inner.gelu();
        return _norm2.call(x + Drop(_linear2.call(Drop(active)))).MoveToOuterDisposeScope();
    }

    /// <summary>Makes a layer that computes what a TransformerEncoderLayer computes, with a copy of its weights.</summary>
    /// <param name="layer">
    /// The layer. It is run on random input to find out what cannot be read from it, and is left as it was.
    /// </param>
    /// <param name="nHead">Its number of heads; null to find it. Its activation is always found.</param>
    /// <param name="dropout">Its dropout; null to try zero and the multiples of 0.05, which works on the CPU.</param>
    /// <param name="batchFirst">Whether ours is to be batch first; TorchSharp's is not.</param>
    /// <returns>The layer, on the same device, with the same type, mode and frozen parameters.</returns>
    /// <exception cref="ArgumentException">An option is not the layer's, or was not given and could not be found.</exception>
    public static DPTransformerEncoderLayer From(
        TransformerEncoderLayer layer, long? nHead = null, double? dropout = null, bool batchFirst = false)
    {
        Guard.NotNull(layer);
        return EncoderConversion.From(
            layer, "", nHead, dropout, batchFirst,
            options => new DPTransformerEncoderLayer(options), ours => [ours], x => layer.call(x), (ours, x) => ours.forward(x, null, null));
    }

    /// <summary>Copies the weights into a TransformerEncoderLayer.</summary>
    /// <param name="layer">One of the same options.</param>
    /// <exception cref="ArgumentException">It has other options; it is left as it was.</exception>
    public void CopyTo(TransformerEncoderLayer layer) => EncoderConversion.GiveBack(
        Guard.NotNull(layer), this, [this], "", x => layer.call(x), x => forward(x, null, null));

    private Tensor Drop(Tensor x) => training && Options.Dropout > 0 ? nn.functional.dropout(x, Options.Dropout) : x;
}
