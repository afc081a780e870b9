using System.Diagnostics;
using System.Globalization;

namespace DpSgd.Benchmarks.Accounting;

/// <summary>dp_accounting in a Python process that runs one case a line and answers with its processor time.</summary>
internal sealed class Reference : IDisposable
{
    private const string Script = """
        import sys, time
        sys.path.insert(0, sys.argv[1])
        import dp_accounting as dp
        from dp_accounting.pld import PLDAccountant
        from dp_accounting.rdp import RdpAccountant
        tutorial = 250 / 60000
        replace_one = dp.NeighboringRelation.REPLACE_ONE
        def sampled(q, sigma): return dp.PoissonSampledDpEvent(q, dp.GaussianDpEvent(sigma))
        def epsilon(accountant, event, count): return accountant.compose(event, count).get_epsilon(1e-5)
        def hundred():
            accountant = RdpAccountant()
            for i in range(100): accountant.compose(sampled(0.001 * (1 + i), 1 + 0.01 * i), 10)
            accountant.get_epsilon(1e-5)
        def calibrate(make):
            dp.calibrate_dp_mechanism(make, lambda sigma: dp.SelfComposedDpEvent(sampled(tutorial, sigma), 3600), 1.0, 1e-5)
        cases = {
            'rdp_720_steps': lambda: epsilon(RdpAccountant(), sampled(tutorial, 1.3), 720),
            'rdp_100_events': hundred,
            'rdp_calibration': lambda: calibrate(RdpAccountant),
            'rdp_without_replacement': lambda: epsilon(RdpAccountant(neighboring_relation=replace_one),
                dp.SampledWithoutReplacementDpEvent(60000, 250, dp.GaussianDpEvent(1.3)), 720),
            'pld_10000_steps': lambda: epsilon(PLDAccountant(), sampled(0.01, 1.0), 10000),
            'pld_10000_tutorial_steps': lambda: epsilon(PLDAccountant(), sampled(tutorial, 1.3), 10000),
            'pld_replace_one': lambda: epsilon(PLDAccountant(neighboring_relation=replace_one), sampled(0.01, 1.0), 10000),
            'pld_calibration': lambda: calibrate(PLDAccountant),
        }
        print('ready', flush=True)
        for line in sys.stdin:
            start = time.process_time()
            cases[line.strip()]()
            print(repr(time.process_time() - start), flush=True)
        """;

    private readonly Process _process;

    private Reference(Process process, string path)
    {
        _process = process;
        Path = path;
    }

    /// <summary>Where its sources are.</summary>
    public string Path { get; }

    /// <summary>The reference, or null when it cannot be started.</summary>
    public static Reference? TryStart()
    {
        if (Environment.GetEnvironmentVariable("DP_ACCOUNTING_PATH") is not { Length: > 0 } path)
            return null;
        var start = new ProcessStartInfo(Environment.GetEnvironmentVariable("PYTHON") ?? "python3")
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            ArgumentList = { "-c", Script, path },
            Environment = { ["OMP_NUM_THREADS"] = "1", ["OPENBLAS_NUM_THREADS"] = "1" },
        };
        var process = Process.Start(start)!;
        if (process.StandardOutput.ReadLine() == "ready")
            return new Reference(process, path);
        process.Dispose();
        return null;
    }

    /// <summary>Seconds of one case.</summary>
    public double Time(string name)
    {
        _process.StandardInput.WriteLine(name);
        var answer = _process.StandardOutput.ReadLine() ?? throw new InvalidOperationException($"The reference failed at {name}.");
        return double.Parse(answer, CultureInfo.InvariantCulture);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _process.StandardInput.Close();
        _process.WaitForExit();
        _process.Dispose();
    }
}
