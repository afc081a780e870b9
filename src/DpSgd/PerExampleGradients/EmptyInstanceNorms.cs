using TorchSharp.Modules;
using static TorchSharp.torch;

namespace DpSgd.PerExampleGradients;

/// <summary>
/// libtorch's instance normalisation fails on a batch of no examples, which a Poisson sample may be. While this lives, it
/// is given one of zeros instead, and what comes of that is taken away again.
/// </summary>
internal sealed class EmptyInstanceNorms : IDisposable
{
    private readonly List<Action> _undo = [];
    private readonly List<Action> _start = [];

    /// <summary>Takes away what comes of a stand-in: made before other hooks are, so that they see nothing of it.</summary>
    public EmptyInstanceNorms(nn.Module model)
    {
        foreach (var norm in model.modules().Prepend(model).Distinct().OfType<InstanceNorm>())
            Mend(norm);
    }

    /// <summary>Gives stand-ins from now on: after other hooks are made, so that they see the batch as it is.</summary>
    public void Start() => _start.ForEach(start => start());

    public void Dispose()
    {
        foreach (var undo in _undo)
            undo();
        _undo.Clear();
    }

    private void Mend(InstanceNorm norm)
    {
        Tensor? standIn = null;   // lives until the next, since hooks after this one may look at it
        var isStandIn = false;
        _start.Add(() => _undo.Add(norm.register_forward_pre_hook((_, input) =>
        {
            isStandIn = input.dim() > 2 && input.shape[0] == 0;
            if (!isStandIn)
                return null!;
            standIn?.Dispose();
            using var one = zeros([1, .. input.shape[1..]], dtype: input.dtype, device: input.device);
            // It depends on the empty one, so that the backward pass goes on behind it.
            return standIn = cat([input, one], 0).DetachFromDisposeScope();
        }).remove));
        var after = norm.register_forward_hook((_, _, output) =>
        {
            if (!isStandIn)
                return null!;
            using (output)
                return output.narrow(0, 0, 0);
        });
        _undo.Add(() =>
        {
            after.remove();
            standIn?.Dispose();
        });
    }
}
