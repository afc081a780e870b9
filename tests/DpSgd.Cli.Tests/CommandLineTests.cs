using System.Globalization;
using DpSgd.Cli.Tests.TestKit;

namespace DpSgd.Cli.Tests;

/// <summary>What all commands have in common: errors, exit codes, help, completion.</summary>
public sealed class CommandLineTests : IDisposable
{
    private static readonly string[] Commands = ["epsilon", "noise", "steps", "statement", "compare", "plot"];

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("", "dpsgd: which command? There are epsilon, noise, steps, statement, compare, plot, completion. 'dpsgd --help' says more.")]
    [InlineData("epsilom", "dpsgd: there is no command 'epsilom'. There are epsilon, noise, steps, statement, compare, plot, completion. 'dpsgd --help' says more.")]
    [InlineData("epsilon --noise-multiplier 1", "dpsgd epsilon: --examples, --batch-size, --delta are missing. 'dpsgd epsilon --help' says more.")]
    [InlineData("epsilon --noise-multiplier 1 --examples 9 --batch-size 3", "dpsgd epsilon: --delta is missing. 'dpsgd epsilon --help' says more.")]
    [InlineData("epsilon --examples 9 --batch-size 3 --delta .1 --noise-multiplier 1", "dpsgd epsilon: --epochs or --steps is missing.")]
    [InlineData("epsilon --examples 9 --batch-size 3 --delta .1 --noise-multiplier 1 --epochs 1 --steps 3", "dpsgd epsilon: --epochs and --steps say the same thing. Leave one of them out.")]
    [InlineData("epsilon --examples 9 --batch-size 10 --delta .1 --noise-multiplier 1 --epochs 1", "dpsgd epsilon: --batch-size must be at most --examples, which is 9, but it is 10.")]
    [InlineData("epsilon --delta 0", "dpsgd epsilon: --delta must be above 0 and below 1, but it is '0'.")]
    [InlineData("epsilon --delta 1", "dpsgd epsilon: --delta must be above 0 and below 1, but it is '1'.")]
    [InlineData("noise --delta nan", "dpsgd noise: --delta must be above 0 and below 1, but it is 'nan'.")]
    [InlineData("compare --delta 0,5", "dpsgd compare: --delta must be above 0 and below 1, but it is '0,5'.")]
    [InlineData("steps --noise-multiplier -1", "dpsgd steps: --noise-multiplier must be at least 0 and finite, but it is '-1'.")]
    [InlineData("steps --noise-multiplier Infinity", "dpsgd steps: --noise-multiplier must be at least 0 and finite, but it is 'Infinity'.")]
    [InlineData("steps --epsilon -1", "dpsgd steps: --epsilon must be at least 0 and finite, but it is '-1'.")]
    [InlineData("epsilon --noise-multiplier --epochs 3", "dpsgd epsilon: --noise-multiplier must be at least 0 and finite, but it is '--epochs'.")]
    [InlineData("epsilon --epochs 0", "dpsgd epsilon: --epochs must be positive and finite, but it is '0'.")]
    [InlineData("epsilon --examples 0", "dpsgd epsilon: --examples must be a whole number from 1 to 9223372036854775807, but it is '0'.")]
    [InlineData("epsilon --examples 1.5", "dpsgd epsilon: --examples must be a whole number from 1 to 9223372036854775807, but it is '1.5'.")]
    [InlineData("epsilon --batch-size 3e9", "dpsgd epsilon: --batch-size must be a whole number from 1 to 2147483647, but it is '3e9'.")]
    [InlineData("epsilon --steps 1e16", "dpsgd epsilon: --steps must be a whole number from 1 to 1000000000000000, but it is '1e16'.")]
    [InlineData("epsilon --microbatch-size 0", "dpsgd epsilon: --microbatch-size must be a whole number from 1 to 2147483647, but it is '0'.")]
    [InlineData("epsilon --accountant gdp", "dpsgd epsilon: --accountant must be rdp or pld, but it is 'gdp'.")]
    [InlineData("statement --sampling shuffle", "dpsgd statement: --sampling must be poisson or once-per-epoch, but it is 'shuffle'.")]
    [InlineData("statement --max-examples-per-user 0", "dpsgd statement: --max-examples-per-user must be a whole number from 1 to 10000, but it is '0'.")]
    [InlineData("epsilon --bogus", "dpsgd epsilon: Unrecognized command or argument '--bogus'. 'dpsgd epsilon --help' says more.")]
    [InlineData("epsilon --bogus --delta 1", "dpsgd epsilon: --delta must be above 0 and below 1, but it is '1'.")]
    public void Wrong_usage_is_one_line_that_names_option_value_and_range(string arguments, string line)
    {
        Dpsgd.InProcess(arguments).Should().Be(new Outcome(2, "", line + "\n"));
    }

    [Fact]
    public void Too_many_epochs_are_refused_with_the_limit()
    {
        var (code, _, error) = Dpsgd.InProcess("epsilon --examples 60000 --batch-size 250 --epochs 1e300 --delta 1e-5 --noise-multiplier 1");
        code.Should().Be(2);
        error.Should().StartWith("dpsgd epsilon: --epochs must give at most 1000000000000000 steps, but with batches of 250 of 60000 examples");
    }

    [Fact]
    public void Help_names_all_commands_and_exit_codes()
    {
        var (code, output, _) = Dpsgd.InProcess("--help");
        code.Should().Be(0);
        output.Should().ContainAll(Commands).And.ContainAll("Exit codes:", "  0  ", "  1  ", "  2  ");
    }

    [Fact]
    public void Every_example_in_the_help_does_what_it_says()
    {
        foreach (var command in Commands)
        {
            var help = Dpsgd.InProcess($"{command} --help");
            help.Code.Should().Be(0);
            var examples = help.Output[help.Output.IndexOf("Examples:\n", StringComparison.Ordinal)..].Split('\n', StringSplitOptions.RemoveEmptyEntries)[1..];
            examples.Should().HaveCountGreaterThan(1);
            foreach (var example in examples.Select(line => line.Trim()))
            {
                example.Should().StartWith($"dpsgd {command} ");
                // Pictures go where they do not stay.
                var arguments = string.Join(' ', example.Split(' ')[1..].Select(word => word.EndsWith(".png") || word.EndsWith(".svg") ? _folder[word] : word));
                var (code, output, error) = Dpsgd.InProcess(arguments);
                (code, error).Should().Be((0, ""), example);
                output.Should().NotBeEmpty();
            }
        }

        _folder.Files.Should().HaveCount(4);
    }

    [Fact]
    public void Every_command_answers_in_json_alone()
    {
        foreach (var arguments in new[]
        {
            $"epsilon {Dpsgd.Run} --noise-multiplier 1.3", $"noise {Dpsgd.Run} --epsilon 1",
            "steps --examples 60000 --batch-size 250 --delta 1e-5 --noise-multiplier 1.3 --epsilon 1", $"statement {Dpsgd.Run} --noise-multiplier 0",
            $"compare {Dpsgd.Run} --noise-multiplier 0", $"plot {Dpsgd.Run} --noise-multiplier 1.3 --output {_folder["p.png"]}",
        })
        {
            Dpsgd.InProcess($"{arguments} --json").Json.ValueKind.Should().Be(System.Text.Json.JsonValueKind.Object, arguments);
        }
    }

    [Theory]
    [InlineData("dpsgd ", "compare completion epsilon noise plot statement steps")]
    [InlineData("dpsgd noise --ep", "--epochs --epsilon")]
    [InlineData("dpsgd epsilon --accountant ", "pld rdp")]
    [InlineData("dpsgd plot --against ", "batch-size noise steps")]
    [InlineData("dpsgd completion ", "bash powershell")]
    public void Words_are_completed(string typed, string completions)
    {
        var output = new StringWriter { NewLine = "\n" };
        CommandLine.Invoke([$"[suggest:{typed.Length}]", typed], output).Should().Be(0);
        var words = output.ToString().Split('\n', StringSplitOptions.RemoveEmptyEntries);
        words.Where(word => word[0] != '-' || typed.Contains("--ep", StringComparison.Ordinal)).Where(word => word[0] is not '/')
            .Should().Equal(completions.Split(' '));
    }

    [Fact]
    public void Numbers_are_written_the_same_in_every_culture()
    {
        var before = CultureInfo.CurrentCulture;
        var commands = new[] { $"epsilon {Dpsgd.Run} --noise-multiplier 1.3", $"compare {Dpsgd.Run} --noise-multiplier 1.3", $"noise {Dpsgd.Run} --epsilon 1.5", $"steps --examples 60000 --batch-size 250 --delta 1e-5 --noise-multiplier 1.3 --epsilon 0.5" };
        var expected = commands.Select(command => Dpsgd.InProcess(command)).ToList();
        var comma = (CultureInfo)CultureInfo.InvariantCulture.Clone();
        comma.NumberFormat.NumberDecimalSeparator = ",";
        comma.NumberFormat.NumberGroupSeparator = ".";
        try
        {
            CultureInfo.CurrentCulture = comma;
            commands.Select(command => Dpsgd.InProcess(command)).Should().Equal(expected);
        }
        finally
        {
            CultureInfo.CurrentCulture = before;
        }
    }
}
