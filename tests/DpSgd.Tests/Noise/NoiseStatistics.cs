using MathNet.Numerics;

namespace DpSgd.Tests.Noise;

/// <summary>Statistics of samples, with thresholds that a right sample passes once in 10^9 times.</summary>
internal static class NoiseStatistics
{
    /// <summary>Standard errors that a normal statistic exceeds, in either direction, once in 10^9 times.</summary>
    public const double Errors = 6.11;

    private const double FalseAlarm = 1e-9;

    /// <summary>The largest distance between the distributions of the sample and of N(0, sigma^2).</summary>
    public static double KolmogorovSmirnov(double[] sample, double sigma) =>
        KolmogorovSmirnov(sample, x => SpecialFunctions.Erfc(-x / sigma / Math.Sqrt(2)) / 2);

    public static double KolmogorovSmirnov(double[] sample, Func<double, double> distribution)
    {
        var sorted = sample.ToArray();
        Array.Sort(sorted);
        var (n, largest) = ((double)sample.Length, 0.0);
        for (var i = 0; i < sorted.Length; i++)
        {
            var expected = distribution(sorted[i]);
            largest = Math.Max(largest, Math.Max(expected - i / n, (i + 1) / n - expected));
        }
        return largest;
    }

    /// <summary>The distance that a sample of n exceeds once in 10^9 times (Massart's inequality).</summary>
    public static double Critical(int n) => Math.Sqrt(-Math.Log(FalseAlarm / 2) / 2 / n);

    /// <summary>Correlation around zero, in standard errors of independent samples.</summary>
    public static double Correlation(ReadOnlySpan<double> a, ReadOnlySpan<double> b)
    {
        var (ab, aa, bb) = (0.0, 0.0, 0.0);
        for (var i = 0; i < a.Length; i++)
            (ab, aa, bb) = (ab + a[i] * b[i], aa + a[i] * a[i], bb + b[i] * b[i]);
        return Math.Abs(ab / Math.Sqrt(aa * bb)) * Math.Sqrt(a.Length);
    }

    /// <summary>The smallest range that a Poisson count leaves once in 10^9 times, by Chernoff's bound.</summary>
    public static (int Least, int Most) PoissonRange(double mean)
    {
        bool IsRare(int count) => mean - count + (count == 0 ? 0 : count * Math.Log(count / mean)) > -Math.Log(FalseAlarm / 2);
        var (least, most) = ((int)mean, (int)mean + 1);
        while (least > 0 && !IsRare(least - 1))
            least--;
        while (!IsRare(most + 1))
            most++;
        return (least, most);
    }
}
