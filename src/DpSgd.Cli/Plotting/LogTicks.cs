using System.Globalization;
using ScottPlot;
using ScottPlot.TickGenerators;

namespace DpSgd.Cli.Plotting;

/// <summary>An axis whose coordinates are logarithms to the base of ten: ticks at 1, 2, 5, 10 and so on, or at 1, 10, 100.</summary>
internal static class LogTicks
{
    public static ITickGenerator Between(double first, double last)
    {
        double[] steps = last - first > 3 ? [1] : [1, 2, 5];
        var ticks = new NumericManual();
        for (var decade = Math.Floor(first); decade <= last; decade++)
        {
            foreach (var step in steps)
            {
                var at = decade + Math.Log10(step);
                if (at >= first - 1e-9 && at <= last + 1e-9)
                    ticks.AddMajor(at, Label(step * Math.Pow(10, decade)));
            }
        }

        return ticks;
    }

    private static string Label(double value) => value is >= 1e-4 and < 1e7
        ? value.ToString("#,0.####", CultureInfo.InvariantCulture)
        : value.ToString("0.#e0", CultureInfo.InvariantCulture);
}
