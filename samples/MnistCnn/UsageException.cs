namespace MnistCnn;

/// <summary>Options that do not go together, or not with the data; the message says what to change.</summary>
internal sealed class UsageException(string message) : Exception(message);
