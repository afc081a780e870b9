using System.Globalization;
using System.Numerics;

namespace DpSgd.Accounting;

/// <summary>How many steps a number of epochs takes.</summary>
internal static class DpSgdSteps
{
    /// <summary>
    /// The smallest whole number of steps that covers the epochs: <c>ceil(epochs * numberOfExamples / batchSize)</c>,
    /// without rounding. In doubles, 1.1 epochs of 50,000 examples one by one would be 55,001 steps, because the double
    /// next to 1.1 is a little larger. What is meant by a double is its shortest decimal, 1.1.
    /// </summary>
    /// <param name="numberOfExamples">Examples in the data set, at least one.</param>
    /// <param name="batchSize">Expected examples in a batch, at least one.</param>
    /// <param name="epochs">Passes over the data, positive and finite.</param>
    /// <exception cref="ArgumentOutOfRangeException">There would be more steps than a <see cref="long"/> can count.</exception>
    public static long Count(long numberOfExamples, int batchSize, double epochs)
    {
        var parts = epochs.ToString("R", CultureInfo.InvariantCulture).Split('E');
        var point = parts[0].IndexOf('.', StringComparison.Ordinal);
        var exponent = parts.Length > 1 ? int.Parse(parts[1], CultureInfo.InvariantCulture) : 0;
        if (point >= 0)
            exponent -= parts[0].Length - point - 1;

        var digits = BigInteger.Parse(parts[0].Replace(".", "", StringComparison.Ordinal), CultureInfo.InvariantCulture);
        var numerator = digits * numberOfExamples * BigInteger.Pow(10, Math.Max(0, exponent));
        var denominator = batchSize * BigInteger.Pow(10, Math.Max(0, -exponent));
        var steps = (numerator + denominator - 1) / denominator;
        return steps <= long.MaxValue
            ? (long)steps
            : throw new ArgumentOutOfRangeException(
                nameof(epochs), epochs, string.Create(CultureInfo.InvariantCulture, $"epochs must give at most {long.MaxValue} steps, but {epochs} gives more."));
    }
}
