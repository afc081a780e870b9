using static TorchSharp.torch;

namespace DpSgd.Tests.TestKit;

internal static class LiveTensors
{
    /// <summary>Number of tensors alive, after the garbage collector has released what earlier tests left to it.</summary>
    public static long Settled()
    {
        GC.Collect();
        GC.WaitForPendingFinalizers();
        GC.Collect();
        GC.WaitForPendingFinalizers();
        return Tensor.TotalCount;
    }
}
