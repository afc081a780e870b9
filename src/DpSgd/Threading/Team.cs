using System.Diagnostics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace DpSgd.Threading;

internal static unsafe class Team
{
    private static readonly delegate* unmanaged<delegate* unmanaged<IntPtr, void>, IntPtr, uint, uint, void> Fork = Find();

    public static bool IsOpenMp => Fork != null;

    public static void For(int count, int threads, Action<int> work)
    {
        if (Fork == null)
        {
            Parallel.For(0, count, new() { MaxDegreeOfParallelism = threads }, work);
            return;
        }
        var job = new Job(count, work);
        var handle = GCHandle.Alloc(job);
        try
        {
            Fork(&Run, GCHandle.ToIntPtr(handle), (uint)threads, 0);
        }
        finally
        {
            handle.Free();
        }
        if (job.Failure is { } failure)
            System.Runtime.ExceptionServices.ExceptionDispatchInfo.Throw(failure);
    }

    [UnmanagedCallersOnly]
    private static void Run(IntPtr job) => ((Job)GCHandle.FromIntPtr(job).Target!).Run();

    private static delegate* unmanaged<delegate* unmanaged<IntPtr, void>, IntPtr, uint, uint, void> Find()
    {
        if (Environment.GetEnvironmentVariable("NOGOMP") == "1") return null;
        using var self = Process.GetCurrentProcess();
        foreach (ProcessModule module in self.Modules)
        {
            if (Path.GetFileName(module.FileName).StartsWith("libgomp", StringComparison.Ordinal)
                && NativeLibrary.TryLoad(module.FileName, out var library)
                && NativeLibrary.TryGetExport(library, "GOMP_parallel", out var address))
            {
                return (delegate* unmanaged<delegate* unmanaged<IntPtr, void>, IntPtr, uint, uint, void>)address;
            }
        }
        return null;
    }

    private sealed class Job(int count, Action<int> work)
    {
        private int _next;

        public Exception? Failure { get; private set; }

        public void Run()
        {
            try
            {
                for (int i; (i = Interlocked.Increment(ref _next) - 1) < count;)
                    work(i);
            }
            catch (Exception exception)
            {
                Failure = exception;
            }
        }
    }
}
