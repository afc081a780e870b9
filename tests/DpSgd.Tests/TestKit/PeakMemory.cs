using System.Diagnostics;
using System.Globalization;

namespace DpSgd.Tests.TestKit;

/// <summary>Resident memory of this process.</summary>
internal static class PeakMemory
{
    private const string Reset = "/proc/self/clear_refs";

    /// <summary>
    /// How many bytes more than before were resident at some time during an action. Where the system cannot forget an
    /// earlier peak, it is what went beyond that.
    /// </summary>
    public static long During(Action action)
    {
        GC.Collect();
        GC.WaitForPendingFinalizers();
        if (File.Exists(Reset))
            File.WriteAllText(Reset, "5");
        var before = File.Exists(Reset) ? Now() : Peak();
        action();
        return Peak() - before;
    }

    private static long Now()
    {
        using var self = Process.GetCurrentProcess();
        return self.WorkingSet64;
    }

    /// <summary>Without what the garbage collector holds, which grows to what it thinks fit before it collects anything.</summary>
    public static long NowWithoutManaged() => Now() - GC.GetGCMemoryInfo().TotalCommittedBytes;

    private static long Peak()
    {
        using var self = Process.GetCurrentProcess();
        if (!File.Exists(Reset))
            return self.PeakWorkingSet64;
        var line = File.ReadLines("/proc/self/status").First(l => l.StartsWith("VmHWM:", StringComparison.Ordinal));
        return long.Parse(line.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries)[1], CultureInfo.InvariantCulture) * 1024;
    }
}
