using System.Diagnostics;
using System.Globalization;
using TorchSharp;

namespace DpSgd.Benchmarks.Overhead;

/// <summary>How the cost of a private step grows with the batch: linearly, so that the cost of an example stays the same or falls.</summary>
internal static class ScalingBenchmark
{
    public static void Run(IReadOnlyList<string> names)
    {
        Console.WriteLine($"{torch.get_num_threads()} threads; medians of private steps");
        Console.WriteLine("model       batch  step, ms  example, ms  forward and backward  from the step on");
        foreach (var workload in Workload.All.Where(w => names.Count == 0 ? w.Name == "cnn" : names.Contains(w.Name)))
        {
            for (var batch = 32; batch <= 2048; batch *= 2)
            {
                var (step, passes) = Measure(workload, batch);
                Console.WriteLine(string.Create(
                    CultureInfo.InvariantCulture,
                    $"{workload.Name,-11} {batch,5} {step,9:F2} {step / batch,12:F4} {passes,21:F2} {step - passes,17:F2}"));
            }
        }
    }

    private static (double Step, double Passes) Measure(Workload workload, int batch)
    {
        using var trainer = new Trainer(workload, isPrivate: true, batch);
        var samples = new List<(double Step, double Passes)>();
        var budget = Stopwatch.StartNew();
        while (samples.Count < 6 || (budget.Elapsed < TimeSpan.FromSeconds(3) && samples.Count < 60))
            samples.Add((trainer.Step(), trainer.Passes));
        return samples.Skip(samples.Count / 3).OrderBy(s => s.Step).ElementAt(samples.Count / 3);
    }
}
