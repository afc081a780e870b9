using System.Diagnostics;
using System.Globalization;
using DpSgd.Accounting;

namespace DpSgd.Benchmarks.Accounting;

/// <summary>
/// How far apart the two bounds of <see cref="PldAccountant"/> are over all that may be asked of it: runs at random, each
/// quantity uniform in its logarithm.
/// </summary>
internal static class PldDomain
{
    private const int Runs = 155;

    /// <summary>Prints how many runs are how tight, and those that are not.</summary>
    public static void Run(TextWriter output)
    {
        var random = new Random(77);
        var (runs, drawn, slowest) = (0, 0, 0.0);
        var gaps = new List<double>();
        while (runs < Runs)
        {
            var relation = drawn++ % 2 == 0 ? NeighboringRelation.AddOrRemoveOne : NeighboringRelation.ReplaceOne;
            var (q, sigma, steps, delta) = (Between(1e-6, 1), Between(0.05, 100), (long)Between(1, 1e6), Between(1e-15, 1e-2));
            var accountant = new PldAccountant(relation);
            accountant.Compose(new PoissonSampledDpEvent(q, new GaussianDpEvent(sigma)), steps);
            var clock = Stopwatch.StartNew();
            var upper = accountant.GetEpsilon(delta);
            var seconds = clock.Elapsed.TotalSeconds;
            if (upper is < 1e-3 or > 1e4)
                continue;
            runs++;
            slowest = Math.Max(slowest, seconds);
            var lower = accountant.GetEpsilonLowerBound(delta);
            gaps.Add(upper / lower - 1);
            if (gaps[^1] > 0.01)
                Write($"{relation}, q = {q:G3}, noise {sigma:G3}, {steps} steps, delta {delta:G3}: {lower:G4} to {upper:G4}");
        }
        Write($"{runs} runs; bounds within 1e-5 in {Within(1e-5)}, within 1e-3 in {Within(1e-3)}, within 1 % in {Within(0.01)}; the slowest epsilon took {slowest:F2} s");

        double Between(double from, double to) => Math.Exp(Math.Log(from) + random.NextDouble() * Math.Log(to / from));

        int Within(double gap) => gaps.Count(g => g <= gap);

        void Write(FormattableString line) => output.WriteLine(line.ToString(CultureInfo.InvariantCulture));
    }
}
