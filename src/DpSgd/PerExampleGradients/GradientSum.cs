using DpSgd.Clipping;
namespace DpSgd.PerExampleGradients;

/// <summary>
/// The uses of one parameter are one gradient: they are summed before any norm is taken. Sums of outer products and of
/// rows stay what they are; other kinds are written out.
/// </summary>
internal static class GradientSum
{
    public static PerExampleGradient Of(IReadOnlyList<PerExampleGradient> gradients, Workspace workspace)
    {
        if (gradients.Count == 1)
            return gradients[0];
        var products = gradients.OfType<OuterProductGradient>().ToList();
        var rows = gradients.OfType<RowGradient>().ToList();
        if (products.Count + rows.Count < gradients.Count)
            return new WrittenOutGradient(gradients.Select(g => g.WriteOut().flatten(1)).Aggregate((sum, next) => sum.Plus(next)));
        if (rows.Count == 0)
            return OuterProductGradient.Sum(products, workspace);
        var row = RowGradient.Sum(rows, workspace);
        return products.Count == 0 ? row : new TiedGradient(row, OuterProductGradient.Sum(products, workspace), workspace);
    }
}
