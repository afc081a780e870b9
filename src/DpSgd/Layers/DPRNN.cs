using DpSgd.Accounting;
using DpSgd.Layers;
using DpSgd.Layers.Recurrent;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace DpSgd;

/// <summary>
/// A plain recurrent network, of tanh or relu, that can be trained privately: computes what TorchSharp's RNN computes, of
/// parts whose gradient an optimizer can see example by example. <see cref="From"/> makes it of an RNN, <see cref="CopyTo"/>
/// gives one back.
/// </summary>
/// <remarks>
/// In a model that a <see cref="DPOptimizer"/> trains, the model itself takes the example as its first dimension; the
/// layer may be batch first or not.
/// </remarks>
public sealed class DPRNN : nn.Module<Tensor, Tensor?, Tensor?, (Tensor, Tensor)>, nn.IModule<Tensor, Tensor, (Tensor, Tensor)>
{
    private readonly RecurrentNetwork _network;

    /// <summary>Makes the layer with random weights, uniform in plus or minus 1/sqrt(hiddenSize).</summary>
    /// <param name="inputSize">Features of the input, at least 1.</param>
    /// <param name="hiddenSize">Features of the hidden state, at least 1.</param>
    /// <param name="numLayers">Number of layers, at least 1.</param>
    /// <param name="nonLinearity">What is applied to the sum of both maps.</param>
    /// <param name="bias">Whether the maps of input and state have biases.</param>
    /// <param name="batchFirst">Whether input and output are [batch, steps, features] rather than [steps, batch, features].</param>
    /// <param name="dropout">Probability of dropping a number between two layers, in [0, 1].</param>
    /// <param name="bidirectional">Whether each layer also runs from the end to the beginning.</param>
    /// <exception cref="ArgumentOutOfRangeException">An argument is outside its range.</exception>
    public DPRNN(
        long inputSize,
        long hiddenSize,
        long numLayers = 1,
        nn.NonLinearities nonLinearity = nn.NonLinearities.Tanh,
        bool bias = true,
        bool batchFirst = false,
        double dropout = 0,
        bool bidirectional = false)
        : this(new RecurrentShape(inputSize, hiddenSize, numLayers, bias, batchFirst, dropout, bidirectional), nonLinearity)
    {
    }

    private DPRNN(RecurrentShape shape, nn.NonLinearities nonLinearity)
        : base(nameof(DPRNN))
    {
        _network = new RecurrentNetwork(shape, new RnnCell(nonLinearity));
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

    /// <summary>The face of TorchSharp's RNN, so that a field can hold either.</summary>
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

    /// <summary>Makes a layer that computes what an RNN computes, with a copy of its weights.</summary>
    /// <param name="rnn">
    /// The RNN. It is run on random input to find out what cannot be read from it, and is left as it was.
    /// </param>
    /// <param name="dropout">Its dropout; null to try zero and the multiples of 0.05, which works on the CPU.</param>
    /// <param name="nonLinearity">Its nonlinearity; null to find it.</param>
    /// <returns>The layer, on the RNN's device, with its type, mode and frozen parameters.</returns>
    /// <exception cref="ArgumentException">An option is not the RNN's, or was not given and could not be found.</exception>
    public static DPRNN From(RNN rnn, double? dropout = null, nn.NonLinearities? nonLinearity = null)
    {
        Guard.NotNull(rnn);
        using var randomness = new KeptRandomness();
        RecurrentCell[] others = nonLinearity is null ? [new RnnCell(nn.NonLinearities.ReLU)] : [];
        var layer = new DPRNN(RecurrentConversion.ShapeOf(rnn, dropout, input => rnn.call(input).Item2), nonLinearity ?? nn.NonLinearities.Tanh);
        RecurrentConversion.Fill(rnn, layer, layer._network, dropout, Run, Run, others);
        return layer;
    }

    /// <summary>Copies the weights into an RNN.</summary>
    /// <param name="rnn">An RNN of the same options.</param>
    /// <exception cref="ArgumentException">The RNN has other options; it is left as it was.</exception>
    public void CopyTo(RNN rnn) => RecurrentConversion.GiveBack(rnn, this, _network, Run, Run);

    private static IReadOnlyList<Tensor> Run(RNN rnn, Tensor input)
    {
        var (output, hidden) = rnn.call(input);
        return [output, hidden];
    }

    private static IReadOnlyList<Tensor> Run(DPRNN rnn, Tensor input)
    {
        var (output, hidden) = rnn.forward(input, null, null);
        return [output, hidden];
    }
}
