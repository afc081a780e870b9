using TorchSharp;
using static TorchSharp.torch;

namespace DpSgd.ML.Training;

/// <summary>The native half of TorchSharp, which comes in a package of its own.</summary>
internal static class Backend
{
    /// <exception cref="InvalidOperationException">It is not there.</exception>
    public static void Require()
    {
        try
        {
            torch.InitializeDeviceType(DeviceType.CPU);
        }
        catch (Exception exception) when (exception is DllNotFoundException or NotSupportedException or InvalidOperationException or TypeInitializationException)
        {
            throw new InvalidOperationException(
                "Training needs the native libraries of TorchSharp, which cannot be loaded here: add a TorchSharp backend, such as TorchSharp-cpu, to the program's packages.", exception);
        }
    }
}
