using System.CommandLine;
using System.CommandLine.Invocation;
using MnistCnn;

namespace Samples;

/// <summary>How to train.</summary>
/// <param name="Epochs">Passes over the private data.</param>
/// <param name="Epsilon">What training may cost.</param>
/// <param name="IsPrivate">False to train without privacy, to compare.</param>
internal sealed record TrainingOptions(int Epochs, double Epsilon, bool IsPrivate = true);

/// <summary>The command line of a small sample: what all of them have in common, and options of its own.</summary>
internal sealed class SampleCommand : RootCommand
{
    private readonly Option<int> _epochs;
    private readonly Option<double> _epsilon;
    private readonly Option<bool> _noPrivacy = new("--no-privacy") { Description = "Train without privacy, to compare." };

    /// <param name="description">What the sample does, for its help.</param>
    /// <param name="defaults">The options when they are not given.</param>
    /// <param name="run">The sample.</param>
    public SampleCommand(string description, TrainingOptions defaults, Action<TrainingOptions, ParseResult> run)
        : base(description)
    {
        _epochs = NumberOption.Create(
            "--epochs", "Passes over the private data.", "a whole number from 1 to 1000", value => value is >= 1 and <= 1000, defaults.Epochs);
        _epsilon = NumberOption.Create(
            "--epsilon", "What training may cost; the noise is chosen for it.", "above 0 and at most 100", value => value is > 0 and <= 100, defaults.Epsilon);
        Add(_epochs);
        Add(_epsilon);
        Add(_noPrivacy);
        Validators.Add(result =>
        {
            if (result.GetResult(_noPrivacy) is { Implicit: false } && result.GetResult(_epsilon) is { Implicit: false })
                result.AddError("--epsilon means nothing with --no-privacy. Leave one of them out.");
        });
        SetAction(parsed => run(new(parsed.GetValue(_epochs), parsed.GetValue(_epsilon), !parsed.GetValue(_noPrivacy)), parsed));
    }

    /// <summary>Runs the sample.</summary>
    /// <param name="arguments">What was typed after the program's name.</param>
    /// <param name="output">For what the sample has to say; null for standard output.</param>
    /// <param name="error">For what is wrong; null for standard error.</param>
    /// <returns>The exit code.</returns>
    public int Invoke(string[] arguments, TextWriter? output, TextWriter? error)
    {
        var parsed = Parse(arguments);
        if (parsed.Action is ParseErrorAction errorAction)
            errorAction.ShowHelp = false;
        return parsed.Invoke(new InvocationConfiguration { Output = output ?? Console.Out, Error = error ?? Console.Error });
    }
}
