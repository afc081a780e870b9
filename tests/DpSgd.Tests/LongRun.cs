using System.Globalization;
using DpSgd.Tests.TestKit;
using TorchSharp;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace DpSgd.Tests;

/// <summary>Takes two thousand and two hundred steps and prints what the last two thousand left behind.</summary>
internal static class LongRun
{
    public const string Name = "long-run";

    public static void Run()
    {
        using var scope = NewDisposeScope();
        random.manual_seed(1);
        var model = Sequential(Conv2d(1, 4, 3), ReLU(), GroupNorm(2, 4), Flatten(), Linear(4 * 36, 16), Tanh(), Linear(16, 3));
        init.ones_(((TorchSharp.Modules.GroupNorm)model[2]).weight);
        init.zeros_(((TorchSharp.Modules.GroupNorm)model[2]).bias!);
        using var optimizer = new DPOptimizer(optim.SGD(model.parameters(), 0.01, momentum: 0.9), model, Toy.Private with { MicrobatchSize = 2 });
        var (x, y) = (randn(8, 1, 8, 8), randint(3, [8]));
        void Steps(int count)
        {
            for (var i = 0; i < count; i++)
            {
                using var inner = NewDisposeScope();
                optimizer.zero_grad();
                functional.cross_entropy(model.call(x), y).backward();
                optimizer.step();
            }
        }

        Steps(200);
        var tensors = LiveTensors.Settled();
        double native = PeakMemory.NowWithoutManaged(), managed = GC.GetTotalMemory(forceFullCollection: true);
        Steps(2000);
        Console.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"{LiveTensors.Settled() - tensors} {PeakMemory.NowWithoutManaged() / native:R} {(GC.GetTotalMemory(forceFullCollection: true) - managed) / (1 << 20):R}"));
    }
}
