using DpSgd.Cli.Tests.TestKit;

namespace DpSgd.Cli.Tests.Commands;

/// <summary>That bash completes with it is seen in <c>CommandLinePageTests</c>.</summary>
public class CompletionCommandTests
{
    /// <summary>What the shell runs ends in this: the line, padded where the shell cuts its end off, and the position.</summary>
    [Theory]
    [InlineData("dpsgd st", 8, new[] { "statement", "steps" })]
    [InlineData("dpsgd noise --ep", 16, new[] { "--epochs", "--epsilon" })]
    [InlineData("dpsgd epsilon --accountant ", 27, new[] { "pld", "rdp" })]
    [InlineData("dpsgd completion ", 17, new[] { "bash", "powershell" })]
    public void What_shells_ask_is_answered(string line, int position, string[] expected)
    {
        using var output = new StringWriter();
        CommandLine.Invoke([$"[suggest:{position}]", line], output).Should().Be(0);
        output.ToString().Split(Environment.NewLine, StringSplitOptions.RemoveEmptyEntries).Should().Contain(expected);
    }

    [Fact]
    public void Each_shell_has_its_script()
    {
        Dpsgd.InProcess("completion powershell").Output.Should().StartWith("Register-ArgumentCompleter -Native -CommandName dpsgd -ScriptBlock {\n")
            .And.Contain("dpsgd \"[suggest:$position]\" \"$line\".PadRight($position)");
        Dpsgd.InProcess("completion bash").Output.Should().EndWith("complete -o default -F _dpsgd dpsgd\n");
    }

    [Theory]
    [InlineData("completion")]
    [InlineData("completion fish")]
    public void Another_shell_is_refused(string arguments)
    {
        var (code, output, error) = Dpsgd.InProcess(arguments);
        (code, output).Should().Be((2, ""));
        error.Should().StartWith("dpsgd completion: ");
        error.TrimEnd('\n').Should().NotContain("\n", "an error is one line");
    }
}
