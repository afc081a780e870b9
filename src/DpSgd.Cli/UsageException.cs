namespace DpSgd.Cli;

/// <summary>Options that do not go together; the message says what to change.</summary>
internal sealed class UsageException(string message) : Exception(message);
