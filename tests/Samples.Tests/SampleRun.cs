using System.Globalization;
using System.Text.RegularExpressions;

namespace Samples.Tests;

/// <summary>Runs a sample as its command line would.</summary>
internal static class SampleRun
{
    public static string Run(Func<string[], TextWriter?, TextWriter?, int> invoke, string[] arguments)
    {
        using var output = new StringWriter();
        using var error = new StringWriter();
        invoke(arguments, output, error).Should().Be(0);
        error.ToString().Should().BeEmpty();
        return output.ToString();
    }

    /// <summary>The test accuracy that was printed last.</summary>
    public static double Accuracy(string printed) =>
        double.Parse(Regex.Matches(printed, @"epoch \d+/\d+: test accuracy (\d\.\d{3})")[^1].Groups[1].Value, CultureInfo.InvariantCulture);
}
