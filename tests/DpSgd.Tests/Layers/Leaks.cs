using static TorchSharp.torch;

namespace DpSgd.Tests.Layers;

internal static class Leaks
{
    /// <summary>How many more tensors TorchSharp counts after an action that has run before.</summary>
    public static long Of(Action action)
    {
        action();
        var before = TestKit.LiveTensors.Settled();
        action();
        return Tensor.TotalCount - before;
    }
}
