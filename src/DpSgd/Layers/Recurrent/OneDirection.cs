using TorchSharp;
using static TorchSharp.torch;

namespace DpSgd.Layers.Recurrent;

/// <summary>One layer of a recurrent network, run over a sequence in one direction.</summary>
internal static class OneDirection
{
    /// <param name="cell">What a step computes.</param>
    /// <param name="map">The weights.</param>
    /// <param name="input">[B, T, features].</param>
    /// <param name="state">The state before the first step: each [B, hidden].</param>
    /// <param name="padding">Which steps are the examples' own. The others leave the state as it is, and put out zero.</param>
    /// <param name="backward">From the last step to the first.</param>
    /// <returns>The outputs, [B, T, hidden], and the state after the last step. They are in the current dispose scope.</returns>
    public static (Tensor Output, Tensor[] State) Run(
        RecurrentCell cell, RecurrentMap map, Tensor input, Tensor[] state, SequenceLengths? padding, bool backward)
    {
        using var scope = NewDisposeScope();
        long[] shape = [input.shape[0], input.shape[1], state[0].shape[1]];
        // What the per-example gradients need is known only after the steps.
        var previous = is_grad_enabled() ? empty(shape, dtype: input.dtype, device: input.device) : null;
        var reset = previous is not null && cell.Resets ? empty_like(previous) : null;
        var steps = map.call(input, previous, reset).unbind(1);
        var (weight, bias) = map.HiddenWeights();

        var outputs = new Tensor[steps.Length];
        var before = new Tensor[steps.Length];
        var resets = new Tensor[steps.Length];
        for (var i = 0; i < steps.Length; i++)
        {
            using var step = NewDisposeScope();
            var t = backward ? steps.Length - 1 - i : i;
            before[t] = state[0];
            var (next, resetGate) = cell.Step(steps[t], state, weight, bias);
            outputs[t] = next[0];
            if (padding?.Having(t) is { } having)
            {
                next = next.Select((after, s) => where(having, after, state[s])).ToArray();
                outputs[t] = outputs[t].masked_fill(having.logical_not(), 0);
            }
            state = Array.ConvertAll(next, after => after.MoveToOuterDisposeScope());
            if (!ReferenceEquals(outputs[t], state[0]))
                outputs[t].MoveToOuterDisposeScope();
            if (reset is not null)
                resets[t] = resetGate!.MoveToOuterDisposeScope();
        }
        if (map.Seen)
        {
            Fill(previous, before);
            Fill(reset, resets);
        }
        return (stack(outputs, 1).MoveToOuterDisposeScope(), Array.ConvertAll(state, s => s.MoveToOuterDisposeScope()));
    }

    private static void Fill(Tensor? room, Tensor[] steps)
    {
        if (room is null)
            return;
        using var noGradient = no_grad();
        room.copy_(stack(steps, 1));
    }
}
