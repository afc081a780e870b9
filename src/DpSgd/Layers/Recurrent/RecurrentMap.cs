using TorchSharp;
using TorchSharp.Modules;
using TorchSharp.Utils;
using static TorchSharp.torch;

namespace DpSgd.Layers.Recurrent;

/// <summary>
/// The weights of one layer and direction of a recurrent network. A call maps a whole sequence, [B, T, input] to
/// [B, T, gates * hidden]; the map of the hidden state is then applied step by step, with <see cref="HiddenWeights"/>.
/// </summary>
/// <remarks>
/// The two maps are one leaf, since the optimizer needs to see it only once for a whole sequence: what the call puts out is
/// added, step by step, to the image of the hidden state, so its gradient is that of both. The hidden states that came
/// before each step are not known yet when this is called; the caller gives the room for them and fills it later.
/// </remarks>
internal sealed class RecurrentMap : nn.Module<Tensor, Tensor?, Tensor?, Tensor>
{
    // RegisterComponents finds these fields, and a move to another device or type sets them.
    [ComponentName(Name = "weight_ih")]
    private readonly Parameter _inputWeight;
    [ComponentName(Name = "weight_hh")]
    private readonly Parameter _hiddenWeight;
    [ComponentName(Name = "bias_ih")]
    private readonly Parameter? _inputBias;
    [ComponentName(Name = "bias_hh")]
    private readonly Parameter? _hiddenBias;

    private readonly bool _hiddenBiasApart;
    private bool _weightConstant;
    private bool _biasConstant;

    /// <param name="inputSize">Features of the input.</param>
    /// <param name="hiddenSize">Features of the hidden state.</param>
    /// <param name="gates">How many numbers of the output there are for one of the hidden state.</param>
    /// <param name="bias">Whether there are two biases, or none.</param>
    /// <param name="hiddenBiasApart">Whether the bias of the hidden state is added step by step, not with that of the input.</param>
    public RecurrentMap(long inputSize, long hiddenSize, int gates, bool bias, bool hiddenBiasApart)
        : base(nameof(RecurrentMap))
    {
        _inputWeight = Uniform(gates * hiddenSize, inputSize);
        _hiddenWeight = Uniform(gates * hiddenSize, hiddenSize);
        if (bias)
        {
            _inputBias = Uniform(gates * hiddenSize);
            _hiddenBias = Uniform(gates * hiddenSize);
        }
        _hiddenBiasApart = hiddenBiasApart;
        RegisterComponents();

        // As TorchSharp's own recurrent layers begin.
        Parameter Uniform(params long[] shape)
        {
            var bound = 1 / Math.Sqrt(hiddenSize);
            var parameter = new Parameter(empty(shape));
            nn.init.uniform_(parameter, -bound, bound);
            return parameter;
        }
    }

    /// <param name="input">[B, T, input].</param>
    /// <param name="previous">Null without gradients; otherwise [B, T, hidden], to be filled with the state before each step.</param>
    /// <param name="reset">Null, or [B, T, hidden], to be filled with the factor of the last gate's hidden part (GRU).</param>
    /// <returns>[B, T, gates * hidden].</returns>
    public override Tensor forward(Tensor input, Tensor? previous, Tensor? reset)
    {
        // An optimizer that taps this layer takes its parameters out of autograd for the length of this call. They must
        // then stay out of it in the steps to come, which belong to the same use.
        _weightConstant = !_hiddenWeight.requires_grad;
        _biasConstant = _hiddenBias is { requires_grad: false };
        if (_inputBias is null || _hiddenBiasApart)
            return nn.functional.linear(input, _inputWeight, _inputBias);
        using var bias = _inputBias + _hiddenBias!;
        return nn.functional.linear(input, _inputWeight, bias);
    }

    /// <summary>Whether, for all this layer can know, the last call is one that per-example gradients will be asked of.</summary>
    public bool Seen => _weightConstant || _biasConstant;

    /// <summary>The map of the hidden state, for the steps after a call: [hidden, gates * hidden], and its bias if that is added there.</summary>
    public (Tensor Weight, Tensor? Bias) HiddenWeights()
    {
        using var weight = _weightConstant ? _hiddenWeight.detach() : _hiddenWeight.alias();
        var bias = !_hiddenBiasApart || _hiddenBias is null ? null : _biasConstant ? _hiddenBias.detach() : _hiddenBias.alias();
        return (weight.t(), bias);
    }
}
