using static TorchSharp.torch;

namespace DpSgd.Layers.Recurrent;

/// <summary>Gated recurrent unit: the gates are reset, update and new content. The reset gate acts on the mapped state.</summary>
internal sealed class GruCell : RecurrentCell
{
    public override int Gates => 3;

    public override bool Resets => true;

    public override (Tensor[] State, Tensor? Reset) Step(Tensor input, Tensor[] state, Tensor weight, Tensor? bias)
    {
        var hidden = state[0].shape[1];
        var mapped = bias is null ? state[0].mm(weight) : bias.addmm(state[0], weight);
        var inputs = input.split([2 * hidden, hidden], 1);
        var mappeds = mapped.split([2 * hidden, hidden], 1);
        var gates = (inputs[0] + mappeds[0]).sigmoid().chunk(2, 1);
        var content = inputs[1].addcmul(gates[0], mappeds[1], 1).tanh();
        return ([content.addcmul(gates[1], state[0] - content, 1)], gates[0]);
    }
}
