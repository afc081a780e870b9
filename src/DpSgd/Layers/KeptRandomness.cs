using static TorchSharp.torch;

namespace DpSgd.Layers;

/// <summary>Puts the CPU's random numbers back to where they were, so that what is drawn meanwhile changes nobody's.</summary>
internal sealed class KeptRandomness : IDisposable
{
    private readonly Tensor _state = random.get_rng_state().DetachFromDisposeScope();

    public void Dispose()
    {
        random.set_rng_state(_state);
        _state.Dispose();
    }
}
