using DpSgd.Cli.Tests.TestKit;

namespace DpSgd.Cli.Tests.Commands;

/// <summary>That bash completes with it is seen in <c>CommandLinePageTests</c>, what the command answers shells in <c>CommandLineTests</c>.</summary>
public class CompletionCommandTests
{
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
