using System.Globalization;
using System.Numerics;

namespace DpSgd.Cli.Options;

/// <summary>The values that an option may have.</summary>
/// <param name="InWords">The values, in words that follow "must be".</param>
/// <param name="IsAllowed">Whether a value is one of them.</param>
internal sealed record NumberRange<T>(string InWords, Func<T, bool> IsAllowed)
    where T : struct, INumber<T>
{
    /// <summary>The values, as a sentence of their own; shorter where the end is only that of the numbers.</summary>
    public string ForHelp { get; init; } = $"{char.ToUpperInvariant(InWords[0])}{InWords[1..]}.";
}

/// <summary>The ranges that occur.</summary>
internal static class NumberRange
{
    public static readonly NumberRange<double> Positive = new("positive and finite", value => value > 0 && double.IsFinite(value));

    public static readonly NumberRange<double> NonNegative = new("at least 0 and finite", value => value >= 0 && double.IsFinite(value));

    public static readonly NumberRange<double> Probability = new("above 0 and below 1", value => value is > 0 and < 1);

    /// <summary>All positive whole numbers of a type.</summary>
    public static NumberRange<T> PositiveWhole<T>()
        where T : struct, INumber<T>, IMinMaxValue<T> => Whole(T.One, T.MaxValue) with { ForHelp = "A whole number, at least 1." };

    public static NumberRange<T> Whole<T>(T least, T most)
        where T : struct, INumber<T> => new(
            string.Create(CultureInfo.InvariantCulture, $"a whole number from {least} to {most}"), value => value >= least && value <= most);
}
