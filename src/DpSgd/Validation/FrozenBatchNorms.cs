using TorchSharp.Modules;
using static TorchSharp.torch;

namespace DpSgd.Validation;

/// <summary>
/// The batch normalisation of a pretrained model whose other layers are fine-tuned. Frozen and in evaluation it is a fixed
/// map of each example by itself; in training it mixes the examples and gathers their statistics. <c>model.train()</c>
/// turns the one into the other, so this watches it for as long as the optimizer lives.
/// </summary>
internal sealed class FrozenBatchNorms : IDisposable
{
    private readonly List<(string Path, BatchNorm Norm)> _norms = [];
    private readonly List<Action> _undo = [];

    /// <param name="model">A model in which no batch normalisation mixes examples now.</param>
    public FrozenBatchNorms(nn.Module model)
    {
        foreach (var (path, module) in ModelInspection.Modules(model))
        {
            if (module is not BatchNorm norm)
                continue;
            _norms.Add((path, norm));
            _undo.Add(norm.register_forward_pre_hook((_, _) =>
            {
                Refuse(path, norm);
                return null!;
            }).remove);
        }
    }

    /// <summary>Whether a batch normalisation, as it is now, does anything but map each example by itself.</summary>
    public static bool MixesExamples(BatchNorm norm) =>
        norm.training || !norm.track_running_stats || norm.parameters().Any(p => p.requires_grad);

    /// <exception cref="InvalidOperationException">One of them has been put in training mode or unfrozen since.</exception>
    public void RefuseMixing()
    {
        foreach (var (path, norm) in _norms)
            Refuse(path, norm);
    }

    public void Dispose()
    {
        foreach (var undo in _undo)
            undo();
        _undo.Clear();
    }

    private static void Refuse(string path, BatchNorm norm)
    {
        if (MixesExamples(norm))
        {
            throw new InvalidOperationException(
                $"'{path}' is a {norm.GetType().Name} that is in training mode or no longer frozen, and so mixes the examples of a batch. " +
                "Call eval() on it after model.train(), and leave its parameters frozen; or put GroupNorm in its place, as ModelFixer does.");
        }
    }
}
