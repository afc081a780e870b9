using DpSgd.Accounting;
using DpSgd.Layers;
using DpSgd.Layers.Recurrent;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace DpSgd;

/// <summary>
/// Gated recurrent units that can be trained privately: compute what TorchSharp's GRU computes, of parts whose gradient
/// an optimizer can see example by example. <see cref="From"/> makes it of a GRU, <see cref="CopyTo"/> gives one back.
/// </summary>
/// <remarks>
/// In a model that a <see cref="DPOptimizer"/> trains, the model itself takes the example as its first dimension; the
/// layer may be batch first or not.
/// </remarks>
public sealed class DPGRU : nn.Module<Tensor, Tensor?, Tensor?, (Tensor, Tensor)>, nn.IModule<Tensor, Tensor, (Tensor, Tensor)>
{
    private readonly RecurrentNetwork _network;

    /// <summary>Makes the layer with random weights, uniform in plus or minus 1/sqrt(hiddenSize).</summary>
    /// <param name="inputSize">Features of the input, at least 1.</param>
    /// <param name="hiddenSize">Features of the hidden state, at least 1.</param>
    /// <param name="numLayers">Number of layers, at least 1.</param>
    /// <param name="bias">Whether the maps of input and state have biases.</param>
    /// <param name="batchFirst">Whether input and output are [batch, steps, features] rather than [steps, batch, features].</param>
    /// <param name="dropout">Probability of dropping a number between two layers, in [0, 1].</param>
    /// <param name="bidirectional">Whether each layer also runs from the end to the beginning.</param>
    /// <exception cref="ArgumentOutOfRangeException">An argument is outside its range.</exception>
    public DPGRU(
        long inputSize, long hiddenSize, long numLayers = 1, bool bias = true, bool batchFirst = false, double dropout = 0, bool bidirectional = false)
        : this(new RecurrentShape(inputSize, hiddenSize, numLayers, bias, batchFirst, dropout, bidirectional))
    {
    }

    private DPGRU(RecurrentShape shape)
        : base(nameof(DPGRU))
    {
        _network = new RecurrentNetwork(shape, new GruCell());
        foreach (var (name, map) in _network.Maps)
            register_module(name, map);
    }

    /// <summary>Runs the layer over a batch of sequences.</summary>
    /// <param name="input">[steps, batch, features], or [batch, steps, features] with batch first.</param>
    /// <param name="h0">The state before the first step, [layers * directions, batch, hidden]; null for zero.</param>
    /// <param name="lengths">
    /// For padded sequences the number of steps of each, in [0, steps]: integers [batch]. Later steps are not looked at, put
    /// out zero and do not change the state. Null if there is no padding. <c>pad_packed_sequence</c> gives both for a PackedSequence.
    /// </param>
    /// <returns>
    /// The last layer's output, laid out as the input, with hidden * directions features; and the state after each
    /// sequence's last step, [layers * directions, batch, hidden].
    /// </returns>
    /// <exception cref="ArgumentException">A shape or a length is wrong.</exception>
    public new (Tensor Output, Tensor Hidden) call(Tensor input, Tensor? h0 = null, Tensor? lengths = null) =>
        base.call(input, h0, lengths);

    /// <summary>The face of TorchSharp's GRU, so that a field can hold either.</summary>
    (Tensor, Tensor) nn.IModule<Tensor, Tensor, (Tensor, Tensor)>.call(Tensor input1, Tensor? input2) => call(input1, input2);

    /// <summary>As <see cref="call"/>, but hooks do not see it: a model to be trained privately uses <see cref="call"/>.</summary>
    /// <param name="input">As in <see cref="call"/>.</param>
    /// <param name="h0">As in <see cref="call"/>.</param>
    /// <param name="lengths">As in <see cref="call"/>.</param>
    /// <returns>As in <see cref="call"/>.</returns>
    /// <exception cref="ArgumentException">A shape or a length is wrong.</exception>
    public override (Tensor, Tensor) forward(Tensor input, Tensor? h0, Tensor? lengths)
    {
        var (output, final) = _network.Run(input, h0 is null ? null : [h0], lengths, training);
        return (output, final[0]);
    }

    /// <summary>Makes a layer that computes what a GRU computes, with a copy of its weights.</summary>
    /// <param name="gru">
    /// The GRU. It is run on random input to find out what cannot be read from it, and is left as it was.
    /// </param>
    /// <param name="dropout">Its dropout; null to try zero and the multiples of 0.05, which works on the CPU.</param>
    /// <returns>The layer, on the GRU's device, with its type, mode and frozen parameters.</returns>
    /// <exception cref="ArgumentException">The dropout is not the GRU's, or was not given and could not be found.</exception>
    public static DPGRU From(GRU gru, double? dropout = null)
    {
        Guard.NotNull(gru);
        using var randomness = new KeptRandomness();
        var layer = new DPGRU(RecurrentConversion.ShapeOf(gru, dropout, input => gru.call(input).Item2));
        RecurrentConversion.Fill(gru, layer, layer._network, dropout, Run, Run);
        return layer;
    }

    /// <summary>Copies the weights into a GRU.</summary>
    /// <param name="gru">A GRU of the same options.</param>
    /// <exception cref="ArgumentException">The GRU has other options; it is left as it was.</exception>
    public void CopyTo(GRU gru) => RecurrentConversion.GiveBack(gru, this, _network, Run, Run);

    private static IReadOnlyList<Tensor> Run(GRU gru, Tensor input)
    {
        var (output, hidden) = gru.call(input);
        return [output, hidden];
    }

    private static IReadOnlyList<Tensor> Run(DPGRU gru, Tensor input)
    {
        var (output, hidden) = gru.forward(input, null, null);
        return [output, hidden];
    }
}
