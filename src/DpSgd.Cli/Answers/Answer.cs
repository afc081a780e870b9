namespace DpSgd.Cli.Answers;

/// <summary>An answer that can be given in words or in JSON; only the one that is wanted is made.</summary>
/// <param name="Text">In words: lines separated by a line feed.</param>
/// <param name="Json">For programs.</param>
internal sealed record Answer(Func<string> Text, Func<string> Json);
