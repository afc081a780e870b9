using System.Diagnostics;
using System.Globalization;
using DpSgd.ML;
using Microsoft.ML;
using Microsoft.ML.Data;
using TorchSharp;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace DpSgd.Benchmarks.MLNet;

/// <summary>
/// What training through ML.NET costs over the same training written with DpSgd directly (rows in memory to weights, the
/// two in turn, the median of the ratios), and how much memory a stream of one and of two million rows takes.
/// </summary>
internal static class MLNetBenchmark
{
    private const int StreamedFeatures = 20;

    public static void Run(IReadOnlyList<string> arguments)
    {
        if (arguments is ["--peak", var count])
        {
            Console.WriteLine(PeakMiB(int.Parse(count, CultureInfo.InvariantCulture)).ToString(CultureInfo.InvariantCulture));
            return;
        }
        Console.WriteLine($"{get_num_threads()} threads; medians, seconds");
        Console.WriteLine("data               rows  features  hidden  batch  epochs   ratio   DpSgd  ML.NET");
        Measure("tabular", 50_000, 22, [64], 5, batch: 1024, epochs: 3);
        Measure("tabular, linear", 50_000, 22, [], 5, batch: 256, epochs: 2);
        Measure("images", 20_000, 784, [128], 10, batch: 500, epochs: 2);
        foreach (var rows in new[] { 1_000_000, 2_000_000 })
        {
            var values = rows * (StreamedFeatures + 1.0) * sizeof(float) / 1048576;
            Console.WriteLine(string.Create(
                CultureInfo.InvariantCulture,
                $"a stream of {rows:N0} rows of {StreamedFeatures} features: {PeakInChild(rows):F0} MiB at the peak, of which their values are {values:F0}"));
        }
    }

    private static void Measure(string name, int rows, int features, int[] hidden, int classes, int batch, int epochs)
    {
        var mlContext = new MLContext();
        var data = Row.MakeUp(rows, features, classes);
        var definition = SchemaDefinition.Create(typeof(Row));
        definition[nameof(Row.Features)].ColumnType = new VectorDataViewType(NumberDataViewType.Single, features);
        definition[nameof(Row.Label)].ColumnType = new KeyDataViewType(typeof(uint), classes);
        var view = mlContext.Data.LoadFromEnumerable(data, definition);
        var trainer = mlContext.DpSgd().MulticlassClassification(new DpSgdTrainerOptions
        {
            NoiseMultiplier = 1,
            Delta = 1e-6,
            HiddenLayers = hidden,
            ExpectedBatchSize = batch,
            NumberOfEpochs = epochs,
        });
        var samples = new List<(double Direct, double ThroughMLNet)>();
        for (var i = 0; i < 6; i++)
        {
            var direct = Seconds(() => TrainDirectly(data, features, hidden, classes, batch, epochs));
            var through = Seconds(() => trainer.Fit(view));
            if (i > 0)   // the first is for the just-in-time compiler
                samples.Add((direct, through));
        }
        double Median(Func<(double Direct, double ThroughMLNet), double> of) => samples.Select(of).Order().ElementAt(samples.Count / 2);
        Console.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"{name,-16} {rows,6} {features,9}  {string.Join('-', hidden),6} {batch,6} {epochs,7} {Median(s => s.ThroughMLNet / s.Direct),7:F2} {Median(s => s.Direct),7:F2} {Median(s => s.ThroughMLNet),7:F2}"));
    }

    /// <summary>The loop that README shows, with the same model and optimizer as the trainer's.</summary>
    private static void TrainDirectly(IReadOnlyList<Row> data, int features, int[] hidden, int classes, int batch, int epochs)
    {
        using var x = tensor(data.SelectMany(row => row.Features).ToArray(), [data.Count, features]);
        using var y = tensor(data.Select(row => (long)row.Label).ToArray());
        var modules = new List<Module<Tensor, Tensor>>();
        var width = features;
        foreach (var next in hidden)
        {
            modules.AddRange([Linear(width, next), Tanh()]);
            width = next;
        }
        using var model = Sequential([.. modules, Linear(width, classes)]);
        using var loader = new PoissonDataLoader(x, y, batch);
        using var optimizer = new DPOptimizer(optim.Adam(model.parameters(), 0.01), model, new DPOptimizerOptions
        {
            L2NormClip = 1,
            NoiseMultiplier = 1,
            Sampling = loader.Sampling,
        });
        for (var epoch = 0; epoch < epochs; epoch++)
        {
            foreach (var (examples, labels) in loader)
            {
                using var scope = NewDisposeScope();
                optimizer.zero_grad();
                functional.cross_entropy(model.call(examples), labels).backward();
                optimizer.step();
            }
        }
        optimizer.GetEpsilon(1e-6);
    }

    private static double Seconds(Action action)
    {
        var start = Stopwatch.GetTimestamp();
        action();
        return Stopwatch.GetElapsedTime(start).TotalSeconds;
    }

    private static double PeakInChild(int rows)
    {
        using var child = Process.Start(new ProcessStartInfo(Environment.ProcessPath!, ["mlnet", "--peak", rows.ToString(CultureInfo.InvariantCulture)]) { RedirectStandardOutput = true })!;
        var output = child.StandardOutput.ReadToEnd();
        child.WaitForExit();
        return double.Parse(output, CultureInfo.InvariantCulture);
    }

    /// <summary>Peak resident memory of training on the stream, less what a small training had left.</summary>
    private static double PeakMiB(int count)
    {
        var mlContext = new MLContext();
        var definition = SchemaDefinition.Create(typeof(Row));
        definition[nameof(Row.Features)].ColumnType = new VectorDataViewType(NumberDataViewType.Single, StreamedFeatures);
        definition[nameof(Row.Label)].ColumnType = new KeyDataViewType(typeof(uint), 2);
        void Train(int rows) => mlContext.DpSgd().MulticlassClassification(new DpSgdTrainerOptions
        {
            NoiseMultiplier = 1,
            Delta = 1e-8,
            ExpectedBatchSize = 1000,
            NumberOfEpochs = 1,
        }).Fit(mlContext.Data.LoadFromEnumerable(Row.Stream(rows, StreamedFeatures, 2), definition));

        Train(10_000);
        GC.Collect();
        using var self = Process.GetCurrentProcess();
        var before = self.WorkingSet64;
        Train(count);
        self.Refresh();
        return (self.PeakWorkingSet64 - before) / 1048576.0;
    }
}
