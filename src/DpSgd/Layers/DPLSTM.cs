using DpSgd.Accounting;
using DpSgd.Layers;
using DpSgd.Layers.Recurrent;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace DpSgd;

/// <summary>
/// Long short-term memory that can be trained privately: computes what TorchSharp's LSTM computes, of parts whose gradient
/// an optimizer can see example by example. <see cref="From"/> makes it of an LSTM, <see cref="CopyTo"/> gives one back.
/// </summary>
/// <remarks>
/// In a model that a <see cref="DPOptimizer"/> trains, the model itself takes the example as its first dimension; the
/// layer may be batch first or not.
/// </remarks>
public sealed class DPLSTM
    : nn.Module<Tensor, (Tensor, Tensor)?, Tensor?, (Tensor, Tensor, Tensor)>, nn.IModule<Tensor, (Tensor, Tensor)?, (Tensor, Tensor, Tensor)>
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
    public DPLSTM(
        long inputSize, long hiddenSize, long numLayers = 1, bool bias = true, bool batchFirst = false, double dropout = 0, bool bidirectional = false)
        : this(new RecurrentShape(inputSize, hiddenSize, numLayers, bias, batchFirst, dropout, bidirectional))
    {
    }

    private DPLSTM(RecurrentShape shape)
        : base(nameof(DPLSTM))
    {
        _network = new RecurrentNetwork(shape, new LstmCell());
        foreach (var (name, map) in _network.Maps)
            register_module(name, map);
    }

    /// <summary>Runs the layer over a batch of sequences.</summary>
    /// <param name="input">[steps, batch, features], or [batch, steps, features] with batch first.</param>
    /// <param name="h0_c0">The states before the first step, each [layers * directions, batch, hidden]; null for zeros.</param>
    /// <param name="lengths">
    /// For padded sequences the number of steps of each, in [0, steps]: integers [batch]. Later steps are not looked at, put
    /// out zero and change no state. Null if there is no padding. <c>pad_packed_sequence</c> gives both for a PackedSequence.
    /// </param>
    /// <returns>
    /// The last layer's output, laid out as the input, with hidden * directions features; and the states after each
    /// sequence's last step, each [layers * directions, batch, hidden].
    /// </returns>
    /// <exception cref="ArgumentException">A shape or a length is wrong.</exception>
    public new (Tensor Output, Tensor Hidden, Tensor Cell) call(Tensor input, (Tensor, Tensor)? h0_c0 = null, Tensor? lengths = null) =>
        base.call(input, h0_c0, lengths);

    /// <summary>The face of TorchSharp's LSTM, so that a field can hold either.</summary>
    (Tensor, Tensor, Tensor) nn.IModule<Tensor, (Tensor, Tensor)?, (Tensor, Tensor, Tensor)>.call(Tensor input1, (Tensor, Tensor)? input2) =>
        call(input1, input2);

    /// <summary>As <see cref="call"/>, but hooks do not see it: a model to be trained privately uses <see cref="call"/>.</summary>
    /// <param name="input">As in <see cref="call"/>.</param>
    /// <param name="h0_c0">As in <see cref="call"/>.</param>
    /// <param name="lengths">As in <see cref="call"/>.</param>
    /// <returns>As in <see cref="call"/>.</returns>
    /// <exception cref="ArgumentException">A shape or a length is wrong.</exception>
    public override (Tensor, Tensor, Tensor) forward(Tensor input, (Tensor, Tensor)? h0_c0, Tensor? lengths)
    {
        var (output, final) = _network.Run(input, h0_c0 is { } given ? [given.Item1, given.Item2] : null, lengths, training);
        return (output, final[0], final[1]);
    }

    /// <summary>Makes a layer that computes what an LSTM computes, with a copy of its weights.</summary>
    /// <param name="lstm">
    /// The LSTM. It is run on random input to find out what cannot be read from it, and is left as it was.
    /// </param>
    /// <param name="dropout">Its dropout; null to try zero and the multiples of 0.05, which works on the CPU.</param>
    /// <returns>The layer, on the LSTM's device, with its type, mode and frozen parameters.</returns>
    /// <exception cref="ArgumentException">The dropout is not the LSTM's, or was not given and could not be found.</exception>
    public static DPLSTM From(LSTM lstm, double? dropout = null)
    {
        Guard.NotNull(lstm);
        using var randomness = new KeptRandomness();
        var layer = new DPLSTM(RecurrentConversion.ShapeOf(lstm, dropout, input => lstm.call(input).Item2));
        RecurrentConversion.Fill(lstm, layer, layer._network, dropout, Run, Run);
        return layer;
    }

    /// <summary>Copies the weights into an LSTM.</summary>
    /// <param name="lstm">An LSTM of the same options.</param>
    /// <exception cref="ArgumentException">The LSTM has other options; it is left as it was.</exception>
    public void CopyTo(LSTM lstm) => RecurrentConversion.GiveBack(lstm, this, _network, Run, Run);

    private static IReadOnlyList<Tensor> Run(LSTM lstm, Tensor input)
    {
        var (output, hidden, cell) = lstm.call(input);
        return [output, hidden, cell];
    }

    private static IReadOnlyList<Tensor> Run(DPLSTM lstm, Tensor input)
    {
        var (output, hidden, cell) = lstm.forward(input, null, null);
        return [output, hidden, cell];
    }
}
