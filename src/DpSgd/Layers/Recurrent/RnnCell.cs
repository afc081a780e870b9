using TorchSharp;
using static TorchSharp.torch;

namespace DpSgd.Layers.Recurrent;

/// <summary>The plain recurrent network: tanh or relu of the sum of both maps.</summary>
internal sealed class RnnCell(nn.NonLinearities nonLinearity) : RecurrentCell
{
    public override int Gates => 1;

    public override (Tensor[] State, Tensor? Reset) Step(Tensor input, Tensor[] state, Tensor weight, Tensor? bias)
    {
        var sum = input.addmm(state[0], weight);
        return ([nonLinearity == nn.NonLinearities.Tanh ? sum.tanh() : sum.relu()], null);
    }
}
