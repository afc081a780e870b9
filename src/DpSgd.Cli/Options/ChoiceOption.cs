using System.CommandLine;
using System.CommandLine.Parsing;

namespace DpSgd.Cli.Options;

/// <summary>Options that are one of a few words, or several of them.</summary>
internal static class ChoiceOption
{
    /// <summary>One word; the first choice, which must be the type's default, is the default.</summary>
    /// <param name="name">Name, with its dashes.</param>
    /// <param name="description">For the help.</param>
    /// <param name="choices">The words and what they mean.</param>
    public static Option<T> One<T>(string name, string description, params (string Word, T Value)[] choices)
        where T : struct, Enum => Completed(choices, new Option<T>(name)
        {
            Description = $"{description} [default: {choices[0].Word}]",
            HelpName = string.Join('|', choices.Select(choice => choice.Word)),
            CustomParser = result => Parse(result.Tokens[0], result, name, choices),
        });

    /// <summary>One word or several; no value stands for the first choice.</summary>
    /// <inheritdoc cref="One{T}"/>
    public static Option<T[]> Several<T>(string name, string description, params (string Word, T Value)[] choices)
        where T : struct, Enum => Completed(choices, new Option<T[]>(name)
        {
            Description = $"{description} [default: {choices[0].Word}]",
            HelpName = string.Join('|', choices.Select(choice => choice.Word)),
            AllowMultipleArgumentsPerToken = true,
            Arity = ArgumentArity.OneOrMore,
            CustomParser = result => [.. result.Tokens.Select(token => Parse(token, result, name, choices))],
        });

    private static TOption Completed<TOption, T>((string Word, T Value)[] choices, TOption option)
        where TOption : Option
    {
        option.CompletionSources.Clear();
        option.CompletionSources.Add(choices.Select(choice => choice.Word).ToArray());
        return option;
    }

    private static T Parse<T>(Token token, ArgumentResult result, string name, (string Word, T Value)[] choices)
    {
        foreach (var (word, value) in choices)
        {
            if (word == token.Value)
                return value;
        }

        var words = choices.Select(choice => choice.Word).ToArray();
        result.AddError($"{name} must be {string.Join(", ", words[..^1])} or {words[^1]}, but it is '{token.Value}'.");
        return default!;
    }
}
