using System.CommandLine;
using System.CommandLine.Parsing;
using System.Globalization;
using System.Numerics;

namespace DpSgd.Cli.Options;

/// <summary>Options that are numbers. What is refused is refused with its range; whole numbers may be written 6e4.</summary>
internal static class NumberOption
{
    /// <summary>A number that must be given.</summary>
    /// <param name="name">Name, with its dashes.</param>
    /// <param name="description">For the help.</param>
    /// <param name="range">The allowed values.</param>
    public static Option<T> Required<T>(string name, string description, NumberRange<T> range)
        where T : struct, INumber<T> => new(name)
        {
            Description = $"{description} {range.ForHelp}",
            HelpName = "number",
            Required = true,
            CustomParser = result => Parse(result.Tokens[0], result, name, range) ?? default,
        };

    /// <summary>A number that may be given.</summary>
    /// <param name="name">Name, with its dashes.</param>
    /// <param name="description">For the help.</param>
    /// <param name="range">The allowed values.</param>
    /// <param name="whenLeftOut">What holds without it, for the help; null when there is nothing to say.</param>
    public static Option<T?> Optional<T>(string name, string description, NumberRange<T> range, string? whenLeftOut = null)
        where T : struct, INumber<T> => new(name)
        {
            Description = $"{description} {range.ForHelp}{(whenLeftOut is null ? "" : $" [default: {whenLeftOut}]")}",
            HelpName = "number",
            CustomParser = result => Parse(result.Tokens[0], result, name, range),
        };

    /// <summary>Numbers, one or more when the option is given.</summary>
    /// <inheritdoc cref="Required{T}"/>
    public static Option<T[]> Several<T>(string name, string description, NumberRange<T> range)
        where T : struct, INumber<T> => new(name)
        {
            Description = $"{description} {range.ForHelp}",
            HelpName = "numbers",
            AllowMultipleArgumentsPerToken = true,
            Arity = ArgumentArity.OneOrMore,
            CustomParser = result => [.. result.Tokens.Select(token => Parse(token, result, name, range) ?? default)],
        };

    private static T? Parse<T>(Token token, ArgumentResult result, string name, NumberRange<T> range)
        where T : struct, INumber<T>
    {
        if (T.TryParse(token.Value, NumberStyles.Float, CultureInfo.InvariantCulture, out var value) && range.IsAllowed(value))
            return value;
        result.AddError($"{name} must be {range.InWords}, but it is '{token.Value}'.");
        return null;
    }
}
