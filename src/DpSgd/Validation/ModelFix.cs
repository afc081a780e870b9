namespace DpSgd;

/// <summary>What <see cref="ModelFixer.Fix"/> did to a model, and what it could not do.</summary>
/// <param name="Replaced">What was replaced, in the model's order.</param>
/// <param name="Remaining">
/// What still stands in the way of private training; <see cref="ModelProblem.Instead"/> says why it could not be replaced, or
/// what to do. None if the model can be trained now.
/// </param>
public sealed record ModelFix(IReadOnlyList<ModelReplacement> Replaced, IReadOnlyList<ModelProblem> Remaining)
{
    /// <summary>Both lists, a line for each entry.</summary>
    public override string ToString() => string.Join(
        Environment.NewLine, Replaced.Select(r => r.ToString()).Concat(Remaining.Select(p => $"Remains: {p}")));
}

/// <summary>A module that was replaced.</summary>
/// <param name="Path">Where it is in the model.</param>
/// <param name="Old">What was there.</param>
/// <param name="New">What is there now.</param>
public sealed record ModelReplacement(string Path, string Old, string New)
{
    /// <summary>The replacement as a sentence.</summary>
    public override string ToString() => $"'{Path}' was a {Old} and is a {New}";
}
