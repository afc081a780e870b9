using DpSgd.Benchmarks.Overhead;

switch (args)
{
    case ["overhead", .. var rest]:
        OverheadBenchmark.Run(rest);
        break;
    default:
        Console.WriteLine("Usage: dotnet run -c Release --project tests/DpSgd.Benchmarks -- overhead [MODEL...] [--json]");
        break;
}
