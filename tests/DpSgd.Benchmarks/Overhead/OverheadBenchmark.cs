using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace DpSgd.Benchmarks.Overhead;

/// <summary>
/// What a private step costs over an ordinary one: the same model, in one process, steps taken in turn, so that both meet
/// the same machine; the median of the ratios.
/// </summary>
internal static class OverheadBenchmark
{
    private const int LoopExamples = 8;

    /// <summary>One line of the table. Times are medians in milliseconds.</summary>
    /// <param name="Model">Which model.</param>
    /// <param name="Batch">Examples in a batch.</param>
    /// <param name="Ratio">Private step over ordinary step.</param>
    /// <param name="Goal">What it should be at most.</param>
    /// <param name="Ordinary">An ordinary step.</param>
    /// <param name="Private">A private step.</param>
    /// <param name="Passes">Forward and backward passes of the private step.</param>
    /// <param name="Norms">Norms of the per-example gradients.</param>
    /// <param name="Sums">Clipped sum.</param>
    /// <param name="Noise">Noise and scaling.</param>
    /// <param name="Update">Ledger and inner optimizer.</param>
    /// <param name="LoopRatio">A loop of one-example passes over the private step.</param>
    /// <param name="OrdinaryPeakMiB">Peak resident memory of a process that takes ordinary steps, less what it had before the first.</param>
    /// <param name="PrivatePeakMiB">The same with private steps.</param>
    public sealed record Row(
        string Model, int Batch, double Ratio, double Goal, double Ordinary, double Private, double Passes, double Norms,
        double Sums, double Noise, double Update, double LoopRatio, double OrdinaryPeakMiB, double PrivatePeakMiB);

    public static void Run(IReadOnlyList<string> arguments)
    {
        var json = arguments.Contains("--json");
        var names = arguments.Where(a => !a.StartsWith('-')).ToList();
        var workloads = Workload.All.Where(w => names.Count == 0 || names.Contains(w.Name)).ToList();
        if (arguments.Contains("--peak"))
        {
            Console.WriteLine(PeakMiB(workloads.Single(), arguments.Contains("--private")).ToString(CultureInfo.InvariantCulture));
            return;
        }
        if (!json)
        {
            Console.WriteLine($"{TorchSharp.torch.get_num_threads()} threads; medians, ms; peaks in MiB");
            Console.WriteLine("model       batch  ratio   goal ordinary  private   passes    norms     sums    noise   update  loop/private  peak ordinary / private");
        }
        var rows = new List<Row>();
        foreach (var workload in workloads)
        {
            var row = Measure(workload);
            rows.Add(row);
            if (!json)
            {
                Console.WriteLine(string.Create(
                    CultureInfo.InvariantCulture,
                    $"{row.Model,-11} {row.Batch,5} {row.Ratio,6:F2} {row.Goal,6:F2} {row.Ordinary,8:F2} {row.Private,8:F2} {row.Passes,8:F2} {row.Norms,8:F2} {row.Sums,8:F2} {row.Noise,8:F2} {row.Update,8:F2} {row.LoopRatio,13:F1}  {row.OrdinaryPeakMiB,13:F0} / {row.PrivatePeakMiB:F0}"));
            }
        }
        if (json)
            Console.WriteLine(JsonSerializer.Serialize(rows, OverheadJson.Default.ListRow));
    }

    private static Row Measure(Workload workload)
    {
        using var ordinary = new Trainer(workload, isPrivate: false);
        using var isPrivate = new Trainer(workload, isPrivate: true);
        var budget = Stopwatch.StartNew();
        for (var i = 0; i < 40 && (i < 5 || budget.Elapsed < TimeSpan.FromSeconds(6)); i++)   // until the just-in-time compiler has finished with the hot loops
        {
            ordinary.Step();
            isPrivate.Step();
        }
        var samples = new List<double[]>();
        budget.Restart();
        while (samples.Count < 11 || (budget.Elapsed < TimeSpan.FromSeconds(10) && samples.Count < 400))
        {
            var (a, b) = (ordinary.Step(), isPrivate.Step());
            double Phase(StepPhase phase) => isPrivate.Phases[phase];
            samples.Add([b / a, a, b, isPrivate.Passes, Phase(StepPhase.Norms), Phase(StepPhase.Sums), Phase(StepPhase.Noise), Phase(StepPhase.Update)]);
        }
        double Median(int column) => samples.Select(s => s[column]).Order().ElementAt(samples.Count / 2);
        var loops = Enumerable.Range(0, 5).Select(_ => ordinary.LoopOver(LoopExamples)).Order().ElementAt(2);
        return new(
            workload.Name, workload.BatchSize, Median(0), workload.Goal, Median(1), Median(2), Median(3), Median(4), Median(5), Median(6), Median(7),
            loops / Median(2), PeakInChild(workload, "--ordinary"), PeakInChild(workload, "--private"));
    }

    /// <summary>Peak memory is a process's, so each kind of training has one of its own.</summary>
    private static double PeakInChild(Workload workload, string kind)
    {
        var start = new ProcessStartInfo(Environment.ProcessPath!, ["overhead", workload.Name, "--peak", kind]) { RedirectStandardOutput = true };
        // glibc keeps most of what is freed, in pieces; this makes it give everything back, so that what is in use is measured.
        start.Environment["MALLOC_MMAP_THRESHOLD_"] = "65536";
        using var child = Process.Start(start)!;
        var output = child.StandardOutput.ReadToEnd();
        child.WaitForExit();
        return double.Parse(output, CultureInfo.InvariantCulture);
    }

    private static double PeakMiB(Workload workload, bool isPrivate)
    {
        // One tiny step first, so that libtorch's own set-up is not counted.
        using (var tiny = new Trainer(workload, isPrivate, batchSize: 1))
            tiny.Step();
        using var self = Process.GetCurrentProcess();
        var before = self.WorkingSet64;
        using var trainer = new Trainer(workload, isPrivate);
        for (var i = 0; i < 10; i++)
            trainer.Step();
        self.Refresh();
        return (self.PeakWorkingSet64 - before) / 1048576.0;
    }
}

[JsonSerializable(typeof(List<OverheadBenchmark.Row>))]
[JsonSourceGenerationOptions(WriteIndented = true)]
internal sealed partial class OverheadJson : JsonSerializerContext;
