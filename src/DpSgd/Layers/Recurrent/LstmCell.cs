using static TorchSharp.torch;

namespace DpSgd.Layers.Recurrent;

/// <summary>Long short-term memory: the gates are input, forget, new content and output; the state is (h, c).</summary>
internal sealed class LstmCell : RecurrentCell
{
    public override int Gates => 4;

    public override int States => 2;

    public override (Tensor[] State, Tensor? Reset) Step(Tensor input, Tensor[] state, Tensor weight, Tensor? bias)
    {
        var gates = input.addmm(state[0], weight).chunk(4, 1);
        var cell = (gates[1].sigmoid() * state[1]).addcmul(gates[0].sigmoid(), gates[2].tanh(), 1);
        return ([gates[3].sigmoid() * cell.tanh(), cell], null);
    }
}
