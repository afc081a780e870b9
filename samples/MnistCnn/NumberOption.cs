using System.CommandLine;
using System.CommandLine.Parsing;
using System.Globalization;
using System.Numerics;

namespace MnistCnn;

/// <summary>Options that are numbers, whose errors say which values are allowed.</summary>
internal static class NumberOption
{
    /// <param name="name">Name, with its dashes.</param>
    /// <param name="description">For the help.</param>
    /// <param name="range">The allowed values, in words that follow "must be".</param>
    /// <param name="isAllowed">The allowed values.</param>
    /// <param name="defaultValue">The value when the option is not given, which the help shows.</param>
    public static Option<T> Create<T>(string name, string description, string range, Func<T, bool> isAllowed, T defaultValue)
        where T : struct, INumber<T> => new(name)
        {
            Description = description,
            HelpName = "number",
            CustomParser = result => Parse(result, name, range, isAllowed) ?? defaultValue,
            DefaultValueFactory = _ => defaultValue,
        };

    /// <inheritdoc cref="Create{T}(string, string, string, Func{T, bool}, T)"/>
    public static Option<T?> CreateOptional<T>(string name, string description, string range, Func<T, bool> isAllowed)
        where T : struct, INumber<T> => new(name)
        {
            Description = description,
            HelpName = "number",
            CustomParser = result => Parse(result, name, range, isAllowed),
        };

    private static T? Parse<T>(ArgumentResult result, string name, string range, Func<T, bool> isAllowed)
        where T : struct, INumber<T>
    {
        var text = result.Tokens[0].Value;
        if (T.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out var value) && isAllowed(value))
            return value;
        result.AddError($"{name} must be {range}, but it is '{text}'.");
        return null;
    }
}
