using System.Globalization;
using DpSgd.Accounting;

namespace DpSgd;

/// <summary>
/// A step would have spent more than the <see cref="PrivacyBudget"/>. It was not taken: weights and ledger are as they were.
/// </summary>
public sealed class PrivacyBudgetExceededException : InvalidOperationException
{
    internal PrivacyBudgetExceededException(PrivacyBudget budget, double spentEpsilon)
        : base(string.Create(
            CultureInfo.InvariantCulture,
            $"No private step was taken: with it epsilon would be more than the budget of {budget.TargetEpsilon} (delta {budget.Delta}). Spent so far: {PythonNumber.General(spentEpsilon, 6)}. The weights are private as they are; to stop by itself, let the loop ask optimizer.CanStep."))
    {
        Budget = budget;
        SpentEpsilon = spentEpsilon;
    }

    /// <summary>What may be spent.</summary>
    public PrivacyBudget Budget { get; }

    /// <summary>Epsilon of all steps that were taken.</summary>
    public double SpentEpsilon { get; }
}
