using System.CommandLine;
using System.CommandLine.Help;
using System.CommandLine.Invocation;
using DpSgd.Cli.Commands;

namespace DpSgd.Cli;

/// <summary>The command line as a whole: the commands, and how they end.</summary>
internal static class CommandLine
{
    private static readonly (string Name, Func<Command> Create)[] Commands =
    [
        ("epsilon", EpsilonCommand.Create),
        ("noise", NoiseCommand.Create),
        ("steps", StepsCommand.Create),
        ("statement", StatementCommand.Create),
        ("compare", CompareCommand.Create),
        ("plot", PlotCommand.Create),
        ("completion", CompletionCommand.Create),
    ];

    /// <summary>Runs what was typed.</summary>
    /// <param name="arguments">What was typed after the program's name.</param>
    /// <param name="output">For answers; null for standard output.</param>
    /// <param name="error">For what is wrong, one line; null for standard error.</param>
    /// <returns>One of <see cref="ExitCode"/>.</returns>
    public static int Invoke(IReadOnlyList<string> arguments, TextWriter? output = null, TextWriter? error = null)
    {
        var parsed = Create(arguments.FirstOrDefault()).Parse(arguments);
        error ??= Console.Error;
        try
        {
            if (parsed.Action is ParseErrorAction)
                throw new UsageException(ParseErrors.InOneLine(parsed));
            return parsed.Invoke(new InvocationConfiguration
            {
                Output = output ?? Console.Out,
                Error = error,
                EnableDefaultExceptionHandler = false,
                ProcessTerminationTimeout = null,
            });
        }
        catch (UsageException e)
        {
            return Refuse(e.Message, ExitCode.WrongUsage);
        }
        catch (Exception e) when (e is NoAnswerException or IOException or UnauthorizedAccessException)
        {
            return Refuse(e.Message, ExitCode.NoAnswer);
        }

        int Refuse(string message, int code)
        {
            var command = parsed.CommandResult.Command;
            error.WriteLine(command is RootCommand ? $"dpsgd: {message}" : $"dpsgd {command.Name}: {message}");
            return code;
        }
    }

    // A command takes milliseconds to make, so where one is named the others are not made.
    private static RootCommand Create(string? name)
    {
        var root = new RootCommand("What differentially private training (DP-SGD) costs, before it is done.");
        var isNamed = Array.Exists(Commands, command => command.Name == name);
        foreach (var (command, create) in Commands)
        {
            if (!isNamed || command == name)
                root.Add(create());
        }

        var help = root.Options.OfType<HelpOption>().Single();
        help.Action = new HelpWithExamples((HelpAction)help.Action!);
        return root;
    }
}
