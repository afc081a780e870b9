namespace DpSgd.Accounting;

/// <summary>
/// Keeps a ledger of events and bounds what all of them together cost. Both directions give upper bounds: the pair
/// (epsilon, delta) holds for everything that was composed so far.
/// </summary>
public interface IPrivacyAccountant
{
    /// <summary>Which data sets the guarantee cannot tell apart.</summary>
    NeighboringRelation NeighboringRelation { get; }

    /// <summary>Enters an event into the ledger.</summary>
    /// <param name="dpEvent">What happened.</param>
    /// <param name="count">How often it happened, at least once.</param>
    /// <exception cref="ArgumentNullException"><paramref name="dpEvent"/> is null.</exception>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="count"/> is less than one.</exception>
    /// <exception cref="NotSupportedException">This accountant has no bound for the event, or for a part of it, under its neighbouring relation. Nothing was entered.</exception>
    void Compose(DpEvent dpEvent, long count = 1);

    /// <summary>The epsilon that holds with the given delta.</summary>
    /// <param name="targetDelta">Delta, in [0, 1].</param>
    /// <returns>Epsilon, at least zero; positive infinity when no finite one is known.</returns>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="targetDelta"/> is NaN or outside [0, 1].</exception>
    double GetEpsilon(double targetDelta);

    /// <summary>The delta that holds with the given epsilon.</summary>
    /// <param name="targetEpsilon">Epsilon, at least zero.</param>
    /// <returns>Delta, in [0, 1].</returns>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="targetEpsilon"/> is NaN or negative.</exception>
    double GetDelta(double targetEpsilon);
}
