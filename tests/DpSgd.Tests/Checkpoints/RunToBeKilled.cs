using System.Globalization;
using System.Security.Cryptography;
using DpSgd.Accounting;
using DpSgd.Tests.TestKit;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace DpSgd.Tests.Checkpoints;

/// <summary>
/// Trains, saves a checkpoint after every other step, says what it does, and can be
/// killed at any moment. The tests start it as a process of its own, by <see cref="Program"/>.
/// </summary>
internal static class RunToBeKilled
{
    public static readonly DPOptimizerOptions Options = new() { L2NormClip = 1, NoiseMultiplier = 1.5, Sampling = new PoissonSampling(0.1, 50) };

    public static void Run(string[] arguments)
    {
        var (path, end) = (arguments[0], long.Parse(arguments[1], CultureInfo.InvariantCulture));
        using var output = new StreamWriter(Console.OpenStandardOutput()) { AutoFlush = true };
        WarmUp(arguments[2]);
        output.WriteLine("ready");
        if (Console.ReadLine() is null)
            return;   // the test is gone

        using var run = new Training();
        var optimizer = run.Optimizer;
        if (File.Exists(path))
            optimizer.LoadCheckpoint(path);
        else
            optimizer.SaveCheckpoint(path);
        output.WriteLine($"began {optimizer.Steps} {Events(optimizer)}");
        while (optimizer.Steps < end)
        {
            run.Step();
            output.WriteLine($"step {run.Weights()}");
            if (optimizer.Steps % 2 == 0)
            {
                optimizer.SaveCheckpoint(path);
                output.WriteLine($"saved {optimizer.Steps}");
            }
        }
        output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"ended {Events(optimizer)} {optimizer.GetEpsilon(1e-5):R}"));
    }

    /// <summary>Compiles everything, on another run, so that what follows is quick.</summary>
    private static void WarmUp(string path)
    {
        using var run = new Training();
        run.Optimizer.SaveCheckpoint(path);
        run.Step();
        run.Weights();
        run.Optimizer.SaveCheckpoint(path);
        run.Optimizer.LoadCheckpoint(path);
        foreach (var file in Directory.GetFiles(Path.GetDirectoryName(path)!, Path.GetFileName(path) + "*"))
            File.Delete(file);
    }

    private static long Events(DPOptimizer optimizer) => ((RdpAccountant)optimizer.Accountant).Ledger.Sum(entry => entry.Count);

    private sealed class Training : IDisposable
    {
        private readonly TorchSharp.Modules.Sequential _model = Toy.Model();
        private readonly Tensor _x;
        private readonly Tensor _y;

        public Training()
        {
            (_x, _y) = Toy.Batch(5);
            Optimizer = new(optim.Adam(_model.parameters(), 0.01), _model, Options);
        }

        public DPOptimizer Optimizer { get; }

        public void Step() => Optimizer.step(() => Toy.Loss(_model, _x, _y, Reduction.None));

        /// <summary>
        /// The weights, as a text. All else in a step is the same each time, so that the same weights after a step from the same
        /// checkpoint would be the same noise.
        /// </summary>
        public string Weights() => Convert.ToHexString(SHA256.HashData(_model.parameters().SelectMany(p => p.bytes.ToArray()).ToArray()));

        public void Dispose() => Optimizer.Dispose();
    }
}
