using System.Text;
using static TorchSharp.torch;

namespace TextClassification;

/// <summary>
/// Texts as tokens. A token is a byte of UTF-8, so the vocabulary is the same whatever the data say. One that is learned from
/// private texts (their words, or the pairs of letters that are frequent in them) tells what somebody wrote before training
/// has begun, and no noise covers that.
/// </summary>
internal static class ByteTokens
{
    /// <summary>What fills up a short text: no byte of a text is 0.</summary>
    public const int Padding = 0;

    /// <summary>How many tokens there are.</summary>
    public const int Count = 256;

    /// <summary>Tokens of each text. What is longer is cut off.</summary>
    public const int Length = 32;

    /// <summary>The tokens of texts, [texts, <see cref="Length"/>].</summary>
    public static Tensor Of(IReadOnlyCollection<string> texts) => tensor(texts.SelectMany(TokensOf).ToArray(), [texts.Count, Length]);

    private static IEnumerable<long> TokensOf(string text)
    {
        var tokens = new long[Length];   // all of them padding
        var bytes = Encoding.UTF8.GetBytes(text);
        for (var i = 0; i < Math.Min(bytes.Length, Length); i++)
            tokens[i] = bytes[i];
        return tokens;
    }
}
