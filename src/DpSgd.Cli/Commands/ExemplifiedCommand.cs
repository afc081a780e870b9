using System.CommandLine;
using DpSgd.Cli.Answers;
using DpSgd.Cli.Options;

namespace DpSgd.Cli.Commands;

/// <summary>A command with examples in its help, which answers in words or, with <c>--json</c>, for programs.</summary>
internal sealed class ExemplifiedCommand : Command
{
    /// <param name="name">Name.</param>
    /// <param name="description">For the help.</param>
    /// <param name="options">Its options, without <c>--json</c>.</param>
    /// <param name="answer">Answers the question; the text is only made when it is wanted.</param>
    /// <param name="examples">Whole command lines.</param>
    public ExemplifiedCommand(
        string name, string description, IEnumerable<Option> options, Func<ParseResult, Answer> answer, params string[] examples)
        : base(name, description)
    {
        Examples = examples;
        foreach (var option in options)
            Options.Add(option);
        Options.Add(Output.Json);
        SetAction(arguments =>
        {
            var output = arguments.InvocationConfiguration.Output;
            var given = answer(arguments);
            output.WriteLine(arguments.GetValue(Output.Json) ? given.Json() : given.Text());
            return ExitCode.Answered;
        });
    }

    /// <summary>Whole command lines, for the help.</summary>
    public IReadOnlyList<string> Examples { get; }
}
