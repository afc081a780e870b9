namespace DpSgd.Cli;

/// <summary>What a script gets to know.</summary>
internal static class ExitCode
{
    /// <summary>The question was answered, even if the answer is an infinite epsilon.</summary>
    public const int Answered = 0;

    /// <summary>The question makes sense, but has no answer: a target out of reach, a file that cannot be written.</summary>
    public const int NoAnswer = 1;

    /// <summary>An option is missing, unknown, outside its range, or does not go with another.</summary>
    public const int WrongUsage = 2;
}
