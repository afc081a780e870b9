using System.Globalization;
using DpSgd.Accounting;

namespace DpSgd.Benchmarks.Accounting;

/// <summary>
/// Times the accountants, beside Google's dp_accounting where it is installed. Set <c>DP_ACCOUNTING_PATH</c> to the folder
/// <c>python/dp_accounting</c> of its sources; Debian's python3-scipy, python3-absl and python3-attr are all that it needs.
/// Both sides run on one thread, in turns, so that a machine that is busy is busy for both.
/// </summary>
internal static class AccountingBenchmarks
{
    private const int Rounds = 5;

    private static readonly double TutorialRate = 250 / 60000.0;

    private static IReadOnlyList<(string Name, Action Run)> Cases =>
    [
        ("rdp_720_steps", () => Rdp(TutorialRate, 1.3, 720).GetEpsilon(1e-5)),
        ("rdp_100_events", () =>
        {
            var accountant = new RdpAccountant();
            for (var i = 0; i < 100; i++)
                accountant.Compose(new PoissonSampledDpEvent(0.001 * (1 + i), new GaussianDpEvent(1 + 0.01 * i)), 10);
            accountant.GetEpsilon(1e-5);
        }),
        ("rdp_calibration", () => NoiseCalibration.FindNoiseMultiplier(1, 1e-5, TutorialRate, 3600)),
        ("rdp_without_replacement", () =>
        {
            var accountant = new RdpAccountant(neighboringRelation: NeighboringRelation.ReplaceOne);
            accountant.Compose(new SampledWithoutReplacementDpEvent(60000, 250, new GaussianDpEvent(2.6)), 720);
            accountant.GetEpsilon(1e-5);
        }),
        ("pld_10000_steps", () => Pld(0.01, 1, 10000).GetEpsilon(1e-5)),
        ("pld_10000_tutorial_steps", () => Pld(TutorialRate, 1.3, 10000).GetEpsilon(1e-5)),
        ("pld_replace_one", () => Pld(0.01, 1, 10000, NeighboringRelation.ReplaceOne).GetEpsilon(1e-5)),
        ("pld_calibration", () => NoiseCalibration.FindNoiseMultiplier(1, 1e-5, TutorialRate, 3600, () => new PldAccountant())),
    ];

    /// <summary>Prints the table.</summary>
    public static void Run(TextWriter output)
    {
        using var reference = Reference.TryStart();
        output.WriteLine(reference is null
            ? "dp_accounting was not found: set DP_ACCOUNTING_PATH to time it as well."
            : $"dp_accounting of {reference.Path}.");
        output.WriteLine(Line("case", "DpSgd median", "reference median", "ratio"));
        foreach (var (name, run) in Cases)
        {
            var (ours, theirs) = (new List<double>(), new List<double>());
            for (var round = 0; round <= Rounds; round++)
            {
                var seconds = Processor.Time(run);
                var referenceSeconds = reference?.Time(name);

                // The first round compiles and fills caches.
                if (round == 0)
                    continue;
                ours.Add(seconds);
                if (referenceSeconds is { } s)
                    theirs.Add(s);
            }

            var median = Median(ours);
            output.WriteLine(theirs.Count == 0
                ? Line(name, Seconds(median), "", "")
                : Line(name, Seconds(median), Seconds(Median(theirs)), (Median(theirs) / median).ToString("F1", CultureInfo.InvariantCulture)));
        }

        output.WriteLine(Line("rdp_epsilon_after_a_step", Seconds(EpsilonAfterEveryStep()), "", ""));
    }

    /// <summary>What one question costs that is asked after every one of 100,000 steps.</summary>
    private static double EpsilonAfterEveryStep()
    {
        const int Steps = 100_000;
        return Processor.Time(() =>
        {
            var accountant = new RdpAccountant();
            for (var i = 0; i < Steps; i++)
            {
                accountant.Compose(new PoissonSampledDpEvent(TutorialRate, new GaussianDpEvent(1.3)));
                accountant.GetEpsilon(1e-5);
            }
        }) / Steps;
    }

    private static RdpAccountant Rdp(double q, double sigma, long steps)
    {
        var accountant = new RdpAccountant();
        accountant.Compose(new PoissonSampledDpEvent(q, new GaussianDpEvent(sigma)), steps);
        return accountant;
    }

    private static PldAccountant Pld(double q, double sigma, long steps, NeighboringRelation relation = NeighboringRelation.AddOrRemoveOne)
    {
        var accountant = new PldAccountant(relation);
        accountant.Compose(new PoissonSampledDpEvent(q, new GaussianDpEvent(sigma)), steps);
        return accountant;
    }

    private static double Median(List<double> values) => values.Order().ElementAt(values.Count / 2);

    private static string Seconds(double seconds) => string.Create(CultureInfo.InvariantCulture, $"{1000 * seconds:G4} ms");

    private static string Line(string name, string ours, string theirs, string ratio) => $"{name,-28} | {ours,14} | {theirs,16} | {ratio,8}";
}
