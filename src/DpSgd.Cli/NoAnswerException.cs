namespace DpSgd.Cli;

/// <summary>A question that makes sense but has no answer; the message says why.</summary>
internal sealed class NoAnswerException(string message) : Exception(message);
