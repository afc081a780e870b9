using DpSgd.Accounting;
using DpSgd.Layers.Attention;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace DpSgd;

/// <summary>
/// Several layers of a Transformer's encoder that can be trained privately: computes what TorchSharp's TransformerEncoder
/// computes. <see cref="From"/> makes it of one, <see cref="CopyTo"/> gives one back.
/// </summary>
/// <remarks>
/// In a model that a <see cref="DPOptimizer"/> trains, the model itself takes the example as its first dimension; the
/// encoder may be batch first or not.
/// </remarks>
public sealed class DPTransformerEncoder
    : nn.Module<Tensor, Tensor?, Tensor?, Tensor>, nn.IModule<Tensor, Tensor?, Tensor>, nn.IModule<Tensor, Tensor>
{
    private readonly IReadOnlyList<DPTransformerEncoderLayer> _layers;
    private readonly bool _batchFirst;

    /// <summary>Makes an encoder of copies of a layer.</summary>
    /// <param name="encoderLayer">The layer: its options, weights, type and device are copied.</param>
    /// <param name="numLayers">How many, at least 1.</param>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="numLayers"/> is less than 1.</exception>
    public DPTransformerEncoder(DPTransformerEncoderLayer encoderLayer, long numLayers)
        : this(Guard.NotNull(encoderLayer).Options, Guard.AtLeast(1, numLayers))
    {
        using var noGradient = no_grad();
        foreach (var layer in _layers)
        {
            var like = encoderLayer.parameters().First();
            layer.to(like.dtype).to(like.device);
            foreach (var (to, from) in layer.parameters().Zip(encoderLayer.parameters()))
                to.copy_(from);
        }
    }

    internal DPTransformerEncoder(EncoderOptions options, long numLayers)
        : base(nameof(DPTransformerEncoder))
    {
        _batchFirst = options.BatchFirst;
        _layers = Enumerable.Range(0, (int)numLayers).Select(_ => new DPTransformerEncoderLayer(options)).ToList();
        for (var i = 0; i < _layers.Count; i++)
            register_module($"layer{i}", _layers[i]);
    }

    /// <summary>Runs the layers over a batch of sequences.</summary>
    /// <param name="src">[steps, batch, features], or [batch, steps, features] with batch first.</param>
    /// <param name="src_mask">
    /// [steps, steps], or [batch * heads, steps, steps]: booleans, true where not to look, or numbers that are added to the
    /// attention scores. Null for none.
    /// </param>
    /// <param name="src_key_padding_mask">[batch, steps], booleans: true where a step is padding. Null for none.</param>
    /// <returns>A tensor of the input's shape.</returns>
    /// <exception cref="ArgumentException">A shape is wrong, or a mask's type.</exception>
    public new Tensor call(Tensor src, Tensor? src_mask, Tensor? src_key_padding_mask) => base.call(src, src_mask, src_key_padding_mask);

    /// <summary>Runs the layers over a batch of sequences without padding.</summary>
    /// <param name="src">[steps, batch, features], or [batch, steps, features] with batch first.</param>
    /// <param name="src_mask">Where not to look, as in the overload with three arguments.</param>
    /// <returns>A tensor of the input's shape.</returns>
    /// <exception cref="ArgumentException">A shape is wrong, or a mask's type.</exception>
    public Tensor call(Tensor src, Tensor? src_mask) => base.call(src, src_mask, null);

    /// <summary>Runs the layers over a batch of sequences without any mask.</summary>
    /// <param name="src">[steps, batch, features], or [batch, steps, features] with batch first.</param>
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
        var x = _batchFirst ? src : src.transpose(0, 1);
        foreach (var layer in _layers)
            x = layer.BatchFirst(x, src_mask, src_key_padding_mask);
        return (_batchFirst ? x : x.transpose(0, 1)).MoveToOuterDisposeScope();
    }

    /// <summary>Makes an encoder that computes what a TransformerEncoder computes, with a copy of its weights.</summary>
    /// <param name="encoder">
    /// The encoder. It is run on random input to find out what cannot be read from it, and is left as it was.
    /// </param>
    /// <param name="nHead">Its number of heads; null to find it. Its activation is always found.</param>
    /// <param name="dropout">Its dropout; null to try zero and the multiples of 0.05, which works on the CPU.</param>
    /// <param name="batchFirst">Whether ours is to be batch first; TorchSharp's is not.</param>
    /// <returns>The encoder, on the same device, with the same type, mode and frozen parameters.</returns>
    /// <exception cref="ArgumentException">An option is not the encoder's, or was not given and could not be found.</exception>
    public static DPTransformerEncoder From(
        TransformerEncoder encoder, long? nHead = null, double? dropout = null, bool batchFirst = false)
    {
        Guard.NotNull(encoder);
        var count = EncoderConversion.NumberOfLayers(encoder);
        return EncoderConversion.From(
            encoder, EncoderConversion.LayerPrefix, nHead, dropout, batchFirst,
            options => new DPTransformerEncoder(options, count), ours => ours._layers, x => encoder.call(x), (ours, x) => ours.forward(x, null, null));
    }

    /// <summary>Copies the weights into a TransformerEncoder.</summary>
    /// <param name="encoder">One of the same options.</param>
    /// <exception cref="ArgumentException">It has other options; it is left as it was.</exception>
    public void CopyTo(TransformerEncoder encoder) => EncoderConversion.GiveBack(
        Guard.NotNull(encoder), this, _layers, EncoderConversion.LayerPrefix, x => encoder.call(x), x => forward(x, null, null));
}
