using System.CommandLine;
using System.CommandLine.Parsing;

namespace DpSgd.Cli;

/// <summary>What is wrong with a command line, in one line: the first mistake, or else all that is missing.</summary>
internal static class ParseErrors
{
    public static string InOneLine(ParseResult parsed)
    {
        var command = parsed.CommandResult.Command;
        if (command is RootCommand)
        {
            var asked = parsed.UnmatchedTokens.Count == 0 ? "which command?" : $"there is no command '{parsed.UnmatchedTokens[0]}'.";
            return $"{asked} There are {string.Join(", ", command.Subcommands.Select(c => c.Name))}. 'dpsgd --help' says more.";
        }

        // A value that another option was taken for comes before the tokens that are left over because of it.
        var mistakes = parsed.Errors.Where(error => !IsForMissing(error)).ToList();
        if (mistakes.FirstOrDefault(error => error.SymbolResult is OptionResult or ArgumentResult) is { } ofValue)
            return ofValue.Message;
        var missing = command.Options.Where(option => option.Required && parsed.GetResult(option) is not { Implicit: false }).Select(option => option.Name).ToList();
        var mistake = mistakes.FirstOrDefault()?.Message ?? $"{string.Join(", ", missing)} {(missing.Count == 1 ? "is" : "are")} missing.";
        return $"{mistake} 'dpsgd {command.Name} --help' says more.";
    }

    // Errors do not say of which kind they are.
    private static bool IsForMissing(ParseError error) => error.Message.EndsWith("is required.", StringComparison.Ordinal);
}
