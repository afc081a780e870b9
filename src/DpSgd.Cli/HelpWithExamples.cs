using System.CommandLine;
using System.CommandLine.Help;
using System.CommandLine.Invocation;
using DpSgd.Cli.Commands;

namespace DpSgd.Cli;

/// <summary>The usual help, with examples at its end.</summary>
internal sealed class HelpWithExamples(HelpAction usual) : SynchronousCommandLineAction
{
    public override bool ClearsParseErrors => true;

    public override int Invoke(ParseResult parsed)
    {
        var code = usual.Invoke(parsed);
        var output = parsed.InvocationConfiguration.Output;
        if (parsed.CommandResult.Command is ExemplifiedCommand command)
        {
            output.WriteLine("Examples:");
            foreach (var example in command.Examples)
                output.WriteLine($"  {example}");
        }
        else
        {
            output.WriteLine("Exit codes:");
            output.WriteLine("  0  answered, even if the answer is an infinite epsilon");
            output.WriteLine("  1  no answer: a target out of reach, a file that cannot be written");
            output.WriteLine("  2  wrong usage: an option is missing, unknown or outside its range");
        }

        return code;
    }
}
