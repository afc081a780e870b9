using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using DpSgd.Accounting;
using DpSgd.Checkpoints;

namespace DpSgd;

/// <summary>
/// The steps since a checkpoint, in a file beside it. A run that is killed goes on from its checkpoint, but the weights of
/// later steps may have been seen: an accuracy that was printed, a copy of the model. Each step is written here before the
/// weights change, so that it is not forgotten.
/// </summary>
/// <remarks>
/// A file of lines, each with a checksum in front: first the whole ledger so far, then a line for each step; a step that is
/// like the one before is a plus sign. What was written outlives the process, not the power supply.
/// </remarks>
internal sealed class StepJournal : IDisposable
{
    private const string Again = "+\n";
    private const int ChecksumLength = 16;

    private readonly FileStream _file;
    private DpEvent? _last;

    private StepJournal(FileStream file) => _file = file;

    /// <summary>Where the journal of a checkpoint is. A previous checkpoint has the same: the ledger is one.</summary>
    public static string PathOf(string checkpoint) => DurableFile.CurrentOf(checkpoint) + ".steps";

    /// <summary>Starts a new journal, which replaces the old one in one go.</summary>
    /// <param name="checkpoint">Path of the checkpoint.</param>
    /// <param name="author">Whose steps will follow.</param>
    /// <param name="ledger">All that was done so far.</param>
    public static StepJournal Start(string checkpoint, Guid author, LedgerPart[] ledger)
    {
        var path = PathOf(checkpoint);
        var head = JsonSerializer.Serialize(new JournalHead(JournalHead.Name, 1, author, ledger), CheckpointJson.Default.JournalHead);
        var file = new FileStream(path + ".tmp", FileMode.Create, FileAccess.Write, FileShare.ReadWrite | FileShare.Delete, bufferSize: 0);
        try
        {
            Write(file, WithChecksum(head));
            file.Flush(flushToDisk: true);
            DurableFile.Move(path + ".tmp", path);
            return new(file);
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    /// <summary>Writes a step down. When this returns, the operating system has it.</summary>
    public void Append(DpEvent step)
    {
        Write(_file, step.Equals(_last) ? Again : WithChecksum(JsonSerializer.Serialize(step, CheckpointJson.Default.DpEvent)));
        _last = step;
    }

    /// <summary>The ledger in a journal; empty if there is none.</summary>
    /// <exception cref="InvalidDataException">It is damaged.</exception>
    public static LedgerPart[] Read(string checkpoint)
    {
        var path = PathOf(checkpoint);
        if (!File.Exists(path))
            return [];
        try
        {
            var text = File.ReadAllText(path, new UTF8Encoding(false, throwOnInvalidBytes: true));
            // A line without an end was being written when the process ended: its step was not taken.
            var lines = text.Split('\n')[..^1];
            var head = JsonSerializer.Deserialize(Checked(lines[0]), CheckpointJson.Default.JournalHead)!;
            if (head.Format != JournalHead.Name || head.Version != 1)
                throw new FormatException("Another format.");
            var steps = new List<DpEvent>();
            foreach (var line in lines.Skip(1))
                steps.Add(line == "+" ? steps[^1] : JsonSerializer.Deserialize(Checked(line), CheckpointJson.Default.DpEvent)!);
            var own = head.Ledger.FirstOrDefault(part => part.Author == head.Author)?.Entries.ToDictionary(e => e.Event, e => e.Count) ?? [];
            foreach (var step in steps)
                own[step] = own.GetValueOrDefault(step) + 1;
            return
            [
                .. head.Ledger.Where(part => part.Author != head.Author),
                new(head.Author, [.. own.Select(entry => new LedgerEntry(entry.Key, entry.Value))]),
            ];
        }
        catch (Exception e) when (e is FormatException or JsonException or NotSupportedException or ArgumentException or IndexOutOfRangeException)
        {
            throw new InvalidDataException(
                $"{path} is damaged, and nothing was loaded: it says which steps were taken after the checkpoint. Delete it only if nothing " +
                "that came of those steps was seen by anybody.", e);
        }
    }

    public void Dispose() => _file.Dispose();

    private static void Write(FileStream file, string line) => file.Write(Encoding.UTF8.GetBytes(line));

    private static string WithChecksum(string json) => $"{Checksum(json)} {json}\n";

    private static string Checked(string line) =>
        line[ChecksumLength] == ' ' && line[..ChecksumLength] == Checksum(line[(ChecksumLength + 1)..])
            ? line[(ChecksumLength + 1)..]
            : throw new FormatException("The checksum of a line is wrong.");

    private static string Checksum(string text) => Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(text)))[..ChecksumLength];
}
