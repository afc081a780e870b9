using DpSgd.Accounting;

namespace DpSgd;

/// <summary>
/// How many steps a budget has left. The question is dear for some accountants, so it is asked once and then counted down,
/// until steps of another kind, or somebody else's, come between.
/// </summary>
/// <param name="accountant">One of this library's.</param>
/// <param name="budget">The budget.</param>
internal sealed class BudgetMeter(IPrivacyAccountant accountant, PrivacyBudget budget)
{
    // So many that none of them can overflow the ledger's count.
    private const long Most = long.MaxValue / 4;

    private DpEvent? _step;
    private long _left;
    private UInt128 _entered;

    /// <summary>How many more steps of a kind may be taken.</summary>
    /// <exception cref="NotSupportedException">The accountant has no bound for the step.</exception>
    public long StepsLeft(DpEvent step)
    {
        var entered = Entered();
        if (_step != step || _entered != entered)
        {
            var target = new CalibrationTarget(budget.TargetEpsilon, budget.Delta, () => KnownAccountant.Clone(accountant)!);
            (_left, _step, _entered) = (target.MostSteps(step, Most) ?? 0, step, entered);
        }
        return _left;
    }

    /// <exception cref="PrivacyBudgetExceededException">There is no step of this kind left.</exception>
    public void RefuseOverspending(DpEvent step)
    {
        if (StepsLeft(step) == 0)
            throw new PrivacyBudgetExceededException(budget, accountant.GetEpsilon(budget.Delta));
    }

    /// <summary>A step that <see cref="RefuseOverspending"/> let pass was entered.</summary>
    public void Count()
    {
        _left--;
        _entered++;
    }

    /// <summary>A ledger only grows, so the number of its entries tells whether it is still the same.</summary>
    private UInt128 Entered() => KnownAccountant.Ledger(accountant)!.Aggregate((UInt128)0, (sum, entry) => sum + (UInt128)entry.Count);
}
