using System.CommandLine;

namespace DpSgd.Cli.Commands;

/// <summary><c>dpsgd completion</c>: what a shell has to run so that the tab key completes the command's words.</summary>
internal static class CompletionCommand
{
    // Both ask the command itself: "[suggest:POSITION]" is System.CommandLine's directive for it.
    private const string Bash =
        """
        _dpsgd() { mapfile -t COMPREPLY < <(compgen -W "$(dpsgd "[suggest:$COMP_POINT]" "$COMP_LINE")" -- "${COMP_WORDS[COMP_CWORD]}"); }
        complete -o default -F _dpsgd dpsgd
        """;

    private const string PowerShell =
        """
        Register-ArgumentCompleter -Native -CommandName dpsgd -ScriptBlock {
            param($word, $line, $position)
            dpsgd "[suggest:$position]" "$line".PadRight($position) | Where-Object { $_ -like "$word*" } |
                ForEach-Object { [System.Management.Automation.CompletionResult]::new($_) }
        }
        """;

    public static Command Create()
    {
        var shell = new Argument<string>("shell") { Description = "bash or powershell." };
        shell.CompletionSources.Add("bash", "powershell");
        shell.Validators.Add(result =>
        {
            if (result.Tokens is [{ Value: not ("bash" or "powershell") and var other }])
                result.AddError($"the shell must be bash or powershell, but it is '{other}'.");
        });
        var command = new Command("completion", "The script that makes a shell complete the words of this command.") { shell };
        command.SetAction(arguments =>
        {
            var script = arguments.GetValue(shell) == "bash" ? Bash : PowerShell;
            arguments.InvocationConfiguration.Output.WriteLine(script.ReplaceLineEndings("\n"));
            return ExitCode.Answered;
        });
        return command;
    }
}
