using DpSgd.Accounting;
using DpSgd.Tests.TestKit;

namespace DpSgd.Tests.Checkpoints;

/// <summary>The journal has every step as what it was.</summary>
public sealed class StepJournalTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Steps_of_several_kinds_are_kept_apart()
    {
        var checkpoint = Path.Combine(_folder.Path, "run.ckpt");
        var author = Guid.NewGuid();
        var (a, b) = (new GaussianDpEvent(1), new NoOpDpEvent());
        using (var journal = StepJournal.Start(checkpoint, author, [new(author, [new(a, 10)])]))
        {
            foreach (var step in new DpEvent[] { a, b, b, b, a, a })
                journal.Append(step);
        }
        StepJournal.Read(checkpoint).Single().Entries.Should().BeEquivalentTo([new LedgerEntry(a, 13), new LedgerEntry(b, 3)]);
    }
}
