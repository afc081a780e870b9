using System.Diagnostics;

namespace DpSgd.Benchmarks.Accounting;

/// <summary>Time of the processor, which other programs on the machine do not lengthen.</summary>
internal static class Processor
{
    /// <summary>Seconds that the process spends, on all its threads, in an action; repeated until there is something to measure.</summary>
    public static double Time(Action action)
    {
        const double Enough = 0.05;
        var start = Process.GetCurrentProcess().TotalProcessorTime;
        for (var times = 1; ; times++)
        {
            action();
            var spent = (Process.GetCurrentProcess().TotalProcessorTime - start).TotalSeconds;
            if (spent >= Enough)
                return spent / times;
        }
    }
}
