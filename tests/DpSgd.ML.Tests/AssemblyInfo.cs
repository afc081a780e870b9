using System.Runtime.CompilerServices;
using TorchSharp;
using Xunit;

// Live tensors and allocations are counted for the whole process, so no two tests may run at once.
[assembly: CollectionBehavior(DisableTestParallelization = true)]

namespace DpSgd.ML.Tests;

internal static class AssemblySetUp
{
    /// <summary>The tensors of these tests are small: waiting for other threads would cost more than they give.</summary>
    [ModuleInitializer]
    internal static void UseOneThread() => torch.set_num_threads(1);
}
