using System.IO.Compression;
using System.Text;

namespace TextClassification;

/// <summary>A short text, such as "kvinde i smoking, kvinde, smoking", and its language's index in <see cref="SymbolTexts.Languages"/>.</summary>
internal sealed record LabelledText(string Text, long Language);

/// <summary>The names of 1,966 symbols, with keywords, in twelve languages.</summary>
internal static class SymbolTexts
{
    private const int TestShare = 6;   // one symbol in six or so

    /// <summary>By their codes, in the order of the file's columns.</summary>
    public static IReadOnlyList<string> Languages { get; } = ["da", "de", "en", "es", "fi", "fr", "it", "nl", "pl", "pt", "sv", "tr"];

    /// <summary>The file, which the build copies beside the program.</summary>
    public static string BundledFile { get; } = Path.Combine(AppContext.BaseDirectory, "data", "symbols.tsv.gz");

    /// <summary>
    /// Reads what to train with and what to test with. It is the symbol that decides where its texts go: the test texts
    /// are then no translations of texts that were trained on.
    /// </summary>
    public static (IReadOnlyList<LabelledText> Train, IReadOnlyList<LabelledText> Test) Read()
    {
        var rows = ReadRows().ToLookup(row => IsForTest(row[0]));
        return ([.. rows[false].SelectMany(TextsIn)], [.. rows[true].SelectMany(TextsIn)]);
    }

    private static bool IsForTest(string symbol) => Encoding.UTF8.GetBytes(symbol).Sum(value => value) % TestShare == 0;

    private static IEnumerable<LabelledText> TextsIn(string[] row) => row.Skip(1).Select((text, language) => new LabelledText(text, language));

    /// <summary>Each row: a symbol, and its text in each language.</summary>
    private static IEnumerable<string[]> ReadRows()
    {
        using var reader = new StreamReader(new GZipStream(File.OpenRead(BundledFile), CompressionMode.Decompress));
        reader.ReadLine();   // the header
        while (reader.ReadLine() is { } line)
            yield return line.Split('\t');
    }
}
