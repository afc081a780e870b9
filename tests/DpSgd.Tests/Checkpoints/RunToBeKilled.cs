using System.Globalization;
using DpSgd.Accounting;
using DpSgd.Tests.TestKit;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace DpSgd.Tests.Checkpoints;

/// <summary>
/// The main program of this assembly: trains, saves a checkpoint after every other step, says what it does, and can be
/// killed at any moment. The tests start it as a process of its own.
/// </summary>
internal static class RunToBeKilled
{
    public static readonly DPOptimizerOptions Options = new() { L2NormClip = 1, NoiseMultiplier = 1.5, Sampling = new PoissonSampling(0.1, 50) };

    private static void Main(string[] arguments)
    {
        var (path, end) = (arguments[0], long.Parse(arguments[1], CultureInfo.InvariantCulture));
        using var output = new StreamWriter(Console.OpenStandardOutput()) { AutoFlush = true };
        var model = Toy.Model();
        var (x, y) = Toy.Batch(5);
        using var optimizer = new DPOptimizer(optim.Adam(model.parameters(), 0.01), model, Options);
        if (File.Exists(path))
            optimizer.LoadCheckpoint(path);
        else
            optimizer.SaveCheckpoint(path);
        output.WriteLine($"began {optimizer.Steps} {Events(optimizer)}");
        while (optimizer.Steps < end)
        {
            optimizer.step(() => Toy.Loss(model, x, y, Reduction.None));
            output.WriteLine("step");
            if (optimizer.Steps % 2 == 0)
            {
                optimizer.SaveCheckpoint(path);
                output.WriteLine($"saved {optimizer.Steps}");
            }
        }
        output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"ended {Events(optimizer)} {optimizer.GetEpsilon(1e-5):R}"));
    }

    private static long Events(DPOptimizer optimizer) => ((RdpAccountant)optimizer.Accountant).Ledger.Sum(entry => entry.Count);
}
