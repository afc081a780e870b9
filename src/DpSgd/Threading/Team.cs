using System.ComponentModel;
using System.Diagnostics;
using System.Runtime.ExceptionServices;
using System.Runtime.InteropServices;
using static TorchSharp.torch;

namespace DpSgd.Threading;

/// <summary>
/// Loops on several threads: on those of libtorch itself, where they can be had. For milliseconds after each of its
/// operations these go on to spin, waiting for the next one, and threads beside them would get half of the cores.
/// </summary>
internal static unsafe class Team
{
    /// <summary>
    /// <c>GOMP_parallel</c> of the OpenMP library that libtorch is linked with: calls a function on each thread of the
    /// caller's team, and returns when all have. Null where libtorch has another one, as on Windows and macOS.
    /// </summary>
    private static readonly delegate* unmanaged<delegate* unmanaged<nint, void>, nint, uint, uint, void> Fork = Find();

    /// <summary>Below so many operations a second thread costs more than it saves.</summary>
    private static readonly double LeastWork = Fork == null ? 2e8 : 2e6;

    /// <summary>Whether loops run on libtorch's threads.</summary>
    public static bool IsLibtorchs => Fork != null;

    /// <summary>How many threads are worth while: one, or as many as libtorch uses.</summary>
    /// <param name="operations">About how many arithmetic operations there are to do.</param>
    public static int Threads(double operations) => operations < LeastWork ? 1 : Math.Max(1, get_num_threads());

    /// <summary>Does some work for each number below <paramref name="count"/>, each once, in no particular order.</summary>
    /// <param name="count">How many.</param>
    /// <param name="threads">On how many threads at most.</param>
    /// <param name="work">The work. What it throws is thrown here, the first of them; then some may not have been done.</param>
    public static void For(int count, int threads, Action<int> work)
    {
        threads = Math.Min(threads, count);
        var loop = new Loop(count, work);
        if (threads <= 1)
            loop.Run();
        else if (Fork == null)
            OnOthers(loop, threads);
        else
            OnLibtorchs(loop, threads);
        loop.Failure?.Throw();
    }

    /// <summary>The same on threads of .NET's.</summary>
    internal static void OnOthers(Loop loop, int threads) => Parallel.For(0, threads, _ => loop.Run());

    private static void OnLibtorchs(Loop loop, int threads)
    {
        var handle = GCHandle.Alloc(loop);
        try
        {
            // It may give fewer threads than that. Whoever comes takes what is left to do.
            Fork(&Join, GCHandle.ToIntPtr(handle), (uint)threads, 0);
        }
        finally
        {
            handle.Free();
        }
    }

    [UnmanagedCallersOnly]
    private static void Join(nint loop) => ((Loop)GCHandle.FromIntPtr(loop).Target!).Run();

    private static delegate* unmanaged<delegate* unmanaged<nint, void>, nint, uint, uint, void> Find()
        => LibtorchsOpenMP() is { } file
            && NativeLibrary.TryLoad(file, out var library)
            && NativeLibrary.TryGetExport(library, "GOMP_parallel", out var address)
                ? (delegate* unmanaged<delegate* unmanaged<nint, void>, nint, uint, uint, void>)address
                : null;

    /// <summary>libtorch brings a copy of its own, under a name that changes from version to version.</summary>
    private static string? LibtorchsOpenMP()
    {
        try
        {
            using var self = Process.GetCurrentProcess();
            var files = self.Modules.Cast<ProcessModule>().Select(module => module.FileName).ToList();
            return BesideLibtorch(files);
        }
        catch (Exception exception) when (exception is Win32Exception or IOException or UnauthorizedAccessException or NotSupportedException or InvalidOperationException)
        {
            return null;   // a process that may not see its own modules: .NET's threads do as well, if slower
        }
    }

    /// <summary>Another library of the process may have brought another libgomp, and its threads would be others.</summary>
    /// <param name="files">The files of the process's modules.</param>
    internal static string? BesideLibtorch(IReadOnlyCollection<string> files)
    {
        var home = files.FirstOrDefault(file => Path.GetFileName(file).StartsWith("libtorch_cpu", StringComparison.Ordinal));
        var candidates = files.Where(file => Path.GetFileName(file).StartsWith("libgomp", StringComparison.Ordinal)).ToList();
        return candidates.FirstOrDefault(file => Path.GetDirectoryName(file) == Path.GetDirectoryName(home)) ?? candidates.FirstOrDefault();
    }

    /// <summary>A loop that any number of threads may take part in.</summary>
    internal sealed class Loop(int count, Action<int> work)
    {
        private int _taken;

        /// <summary>What was thrown first.</summary>
        public ExceptionDispatchInfo? Failure { get; private set; }

        /// <summary>Takes numbers until none is left. Throws nothing: an exception would end a thread that is not .NET's, and the process.</summary>
        public void Run()
        {
            try
            {
                for (int next; Failure is null && (next = Interlocked.Increment(ref _taken) - 1) < count;)
                    work(next);
            }
            catch (Exception exception)
            {
                Failure ??= ExceptionDispatchInfo.Capture(exception);
            }
        }
    }
}
