using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Runtime.CompilerServices;

namespace DpSgd.Accounting;

/// <summary>
/// Checks of arguments. Each returns what it was given, names the parameter, the value and the allowed range when it
/// refuses, and refuses NaN: every comparison is written so that NaN fails it.
/// </summary>
internal static class Guard
{
    public static T NotNull<T>([NotNull] T? value, [CallerArgumentExpression(nameof(value))] string name = "")
        where T : class => value ?? throw new ArgumentNullException(name);

    public static double Positive(double value, [CallerArgumentExpression(nameof(value))] string name = "") =>
        value > 0 && double.IsFinite(value) ? value : throw OutOfRange(name, value, "must be positive and finite");

    public static double AtLeastOne(double value, [CallerArgumentExpression(nameof(value))] string name = "") =>
        value >= 1 && double.IsFinite(value) ? value : throw OutOfRange(name, value, "must be at least 1 and finite");

    public static double NonNegative(double value, [CallerArgumentExpression(nameof(value))] string name = "") =>
        value >= 0 ? value : throw OutOfRange(name, value, "must be at least 0");

    public static double NonNegativeFinite(double value, [CallerArgumentExpression(nameof(value))] string name = "") =>
        value >= 0 && double.IsFinite(value) ? value : throw OutOfRange(name, value, "must be at least 0 and finite");

    public static double Probability(double value, [CallerArgumentExpression(nameof(value))] string name = "") =>
        value is >= 0 and <= 1 ? value : throw OutOfRange(name, value, "must be in [0, 1]");

    public static double PositiveProbability(double value, [CallerArgumentExpression(nameof(value))] string name = "") =>
        value is > 0 and <= 1 ? value : throw OutOfRange(name, value, "must be in (0, 1]");

    public static double StrictlyBetweenZeroAndOne(double value, [CallerArgumentExpression(nameof(value))] string name = "") =>
        value is > 0 and < 1 ? value : throw OutOfRange(name, value, "must be in (0, 1)");

    public static long AtLeast(long least, long value, [CallerArgumentExpression(nameof(value))] string name = "") =>
        value >= least ? value : throw OutOfRange(name, value, string.Create(CultureInfo.InvariantCulture, $"must be at least {least}"));

    public static long Between(long least, long most, long value, [CallerArgumentExpression(nameof(value))] string name = "") =>
        value >= least && value <= most ? value : throw OutOfRange(name, value, string.Create(CultureInfo.InvariantCulture, $"must be from {least} to {most}"));

    public static double Order(double value, [CallerArgumentExpression(nameof(value))] string name = "") =>
        value > 1 && double.IsFinite(value) ? value : throw OutOfRange(name, value, "must be greater than 1 and finite");

    public static NeighboringRelation Defined(NeighboringRelation value, [CallerArgumentExpression(nameof(value))] string name = "") =>
        Enum.IsDefined(value) ? value : throw OutOfRange(name, value, "must be one of the neighbouring relations");

    private static ArgumentOutOfRangeException OutOfRange(string name, object value, string range) =>
        new(name, value, string.Create(CultureInfo.InvariantCulture, $"{name} {range}, but it is {value}."));
}
