using DpSgd.Tests.Checkpoints;

namespace DpSgd.Tests;

/// <summary>The main program of this assembly, for tests that need a process of their own.</summary>
internal static class Program
{
    private static void Main(string[] arguments)
    {
        if (arguments is [LongRun.Name])
            LongRun.Run();
        else
            RunToBeKilled.Run(arguments);
    }
}
