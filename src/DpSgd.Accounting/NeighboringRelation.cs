namespace DpSgd.Accounting;

/// <summary>
/// Which two data sets a guarantee cannot tell apart. An epsilon means nothing without it: the same noise gives
/// different epsilons under different relations.
/// </summary>
public enum NeighboringRelation
{
    /// <summary>One data set has one example more than the other. The usual relation for DP-SGD.</summary>
    AddOrRemoveOne,

    /// <summary>Both have the same size and differ in one example. The sensitivity of a clipped sum is 2C.</summary>
    ReplaceOne,

    /// <summary>One example is replaced by a special one that contributes nothing. The sensitivity of a clipped sum is C.</summary>
    ReplaceSpecial,
}
