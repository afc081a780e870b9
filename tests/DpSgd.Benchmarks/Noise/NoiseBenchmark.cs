using System.Diagnostics;
using System.Globalization;
using TorchSharp;
using static TorchSharp.torch;

namespace DpSgd.Benchmarks.Noise;

/// <summary>
/// What a value of noise costs, against <c>torch.randn</c>: one thread and all of them. Once by itself, and once with the
/// ways taken in turn, so that libtorch's threads have just run and may still be spinning, as in a step of training.
/// </summary>
internal static class NoiseBenchmark
{
    private static readonly int[] Sizes = [26_010, 1_000_000, 5_824_522];

    public static void Run(TextWriter output)
    {
        var processors = Environment.ProcessorCount;
        output.WriteLine("ns a value, medians; float32, added to a tensor in place (randn: made, not added)");
        output.WriteLine("   values  threads  secure by itself   secure    randn  randn + add_");
        foreach (var size in Sizes)
        {
            foreach (var threads in new[] { 1, processors }.Distinct())
                output.WriteLine(Line(size, threads));
        }
        output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"discrete Gaussian, 1 thread: {Discrete():F0}"));
    }

    private static double Discrete()
    {
        const int Size = 300_000;
        using var sum = zeros(Size);
        return Enumerable.Range(0, 15).Select(_ =>
        {
            var start = Stopwatch.GetTimestamp();
            NoiseSource.DiscreteGaussian.AddTo(sum, 1, threads: 1);
            return Stopwatch.GetElapsedTime(start).TotalNanoseconds / Size;
        }).Skip(10).Order().ElementAt(2);
    }

    private static string Line(int size, int threads)
    {
        set_num_threads(threads);
        using var sum = zeros(size);
        var noise = NoiseSource.Secure;
        var ways = new Action[]
        {
            () => noise.AddTo(sum, 1, threads),
            () => randn(size).Dispose(),
            () =>
            {
                using var drawn = randn(size);
                sum.add_(drawn);
            },
        };
        Medians(size, ways[..1]);   // so that everything is compiled
        Thread.Sleep(500);          // and libtorch's threads are asleep
        var alone = Medians(size, ways[..1]);
        var medians = Medians(size, ways);
        return string.Create(CultureInfo.InvariantCulture, $"{size,9} {threads,8} {alone[0],17:F2} {medians[0],8:F2} {medians[1],8:F2} {medians[2],13:F2}");
    }

    private static double[] Medians(int size, Action[] ways)
    {
        var samples = ways.Select(_ => new List<double>()).ToArray();
        var budget = Stopwatch.StartNew();
        for (var round = 0; round < 60 || (budget.Elapsed.TotalSeconds < 3 && round < 2000); round++)
        {
            for (var way = 0; way < ways.Length; way++)
            {
                var start = Stopwatch.GetTimestamp();
                ways[way]();
                if (round >= 30)
                    samples[way].Add(Stopwatch.GetElapsedTime(start).TotalNanoseconds / size);
            }
        }
        return [.. samples.Select(s => s.Order().ElementAt(s.Count / 2))];
    }
}
