namespace DpSgd.Accounting;

/// <summary>Which side of the truth a result lies on.</summary>
internal enum Bound
{
    /// <summary>A guarantee.</summary>
    Upper,

    /// <summary>No guarantee can be better than this.</summary>
    Lower,
}
