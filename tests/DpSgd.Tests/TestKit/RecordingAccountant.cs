using DpSgd.Accounting;

namespace DpSgd.Tests.TestKit;

/// <summary>A ledger that can be read, with something to do at each entry.</summary>
internal sealed class RecordingAccountant(Action? onCompose = null) : IPrivacyAccountant
{
    public List<DpEvent> Events { get; } = [];

    public NeighboringRelation NeighboringRelation { get; init; }

    public void Compose(DpEvent dpEvent, long count = 1)
    {
        onCompose?.Invoke();
        for (var i = 0; i < count; i++)
            Events.Add(dpEvent);
    }

    public double GetEpsilon(double targetDelta) => Events.Count;

    public double GetDelta(double targetEpsilon) => 0;
}
