using System.Globalization;
using FluentAssertions.Numeric;

namespace DpSgd.Accounting.Tests;

/// <summary>Costs span hundreds of powers of ten: only relative errors mean anything.</summary>
internal static class Closeness
{
    public static void BeRelativelyClose(this NumericAssertions<double> actual, double expected, double tolerance) =>
        RelativeError(actual.Subject!.Value, expected).Should().BeLessThanOrEqualTo(tolerance, "{0:R} should be {1:R}", actual.Subject, expected);

    public static void BeRelativelyClose(this NumericAssertions<double> actual, string expected, double tolerance) =>
        actual.BeRelativelyClose(double.Parse(expected, CultureInfo.InvariantCulture), tolerance);

    /// <summary>Zero when equal, infinities too.</summary>
    public static double RelativeError(double actual, double expected) =>
        actual.Equals(expected) ? 0 : Math.Abs(actual - expected) / Math.Abs(expected);
}
