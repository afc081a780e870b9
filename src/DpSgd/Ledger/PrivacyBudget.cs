using DpSgd.Accounting;

namespace DpSgd;

/// <summary>
/// What may be spent: a step after which the ledger would cost more is refused. The ledger is the accountant's, so what
/// other optimizers entered into the same one, and what was spent before a checkpoint was loaded, counts too.
/// </summary>
/// <param name="TargetEpsilon">The most that epsilon may be, positive and finite.</param>
/// <param name="Delta">The delta with which it holds, in (0, 1): usually well below one over the number of examples.</param>
/// <exception cref="ArgumentOutOfRangeException">An argument is NaN or outside its range.</exception>
public sealed record PrivacyBudget(double TargetEpsilon, double Delta)
{
    /// <summary>The most that epsilon may be, positive and finite.</summary>
    public double TargetEpsilon
    {
        get;
        init => field = Guard.Positive(value, nameof(TargetEpsilon));
    } = Guard.Positive(TargetEpsilon);

    /// <summary>The delta with which it holds, in (0, 1).</summary>
    public double Delta
    {
        get;
        init => field = Guard.StrictlyBetweenZeroAndOne(value, nameof(Delta));
    } = Guard.StrictlyBetweenZeroAndOne(Delta);
}
