using DpSgd.Benchmarks.Accounting;
using DpSgd.Benchmarks.MLNet;
using DpSgd.Benchmarks.Noise;
using DpSgd.Benchmarks.Overhead;

switch (args)
{
    case ["accounting"]:
        AccountingBenchmarks.Run(Console.Out);
        break;
    case ["accounting", "domain"]:
        PldDomain.Run(Console.Out);
        break;
    case ["noise"]:
        NoiseBenchmark.Run(Console.Out);
        break;
    case ["overhead", .. var rest]:
        OverheadBenchmark.Run(rest);
        break;
    case ["scaling", .. var rest]:
        ScalingBenchmark.Run(rest);
        break;
    case ["mlnet", "accuracy"]:
        MLNetAccuracy.Run(Console.Out);
        break;
    case ["mlnet", .. var rest]:
        MLNetBenchmark.Run(rest);
        break;
    default:
        Console.WriteLine("Usage: dotnet run -c Release --project tests/DpSgd.Benchmarks -- accounting [domain]");
        Console.WriteLine("       dotnet run -c Release --project tests/DpSgd.Benchmarks -- noise");
        Console.WriteLine("       dotnet run -c Release --project tests/DpSgd.Benchmarks -- overhead [MODEL...] [--json]");
        Console.WriteLine("       dotnet run -c Release --project tests/DpSgd.Benchmarks -- scaling [MODEL...]");
        Console.WriteLine("       dotnet run -c Release --project tests/DpSgd.Benchmarks -- mlnet [accuracy]");
        break;
}
