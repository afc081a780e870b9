using DpSgd.Clipping;
using TorchSharp;
using static TorchSharp.torch;

namespace DpSgd.PerExampleGradients;

/// <summary>
/// Per-example gradients of a table of which each example uses a few rows: for example i, a vector is added to each row
/// tokens[i, t] of the table. Nothing of the size of examples by table is made.
/// </summary>
/// <param name="tokens">[B, T], whole numbers of 64 bits.</param>
/// <param name="rows">[B, T, D]: the vectors; or [B, 1, D], one for all tokens of an example.</param>
/// <param name="factors">[B, T]: what each is multiplied with; null for one.</param>
/// <param name="tableSize">Number of rows of the table.</param>
/// <param name="workspace">How much memory there is for intermediate results.</param>
internal sealed class RowGradient(Tensor tokens, Tensor rows, Tensor? factors, long tableSize, Workspace workspace) : PerExampleGradient
{
    private long Length => rows.shape[2];

    /// <summary>Bytes of an example's vectors.</summary>
    private long ExampleBytes => tokens.shape[1] * Length * rows.element_size();

    /// <summary>Equal tokens of a microbatch are one row of its gradient: they are summed before the norm is taken.</summary>
    public override Tensor SquaredNorms(Microbatches microbatches) => workspace.ByParts(
        microbatches.Count, 4 * microbatches.Width * ExampleBytes, (first, count) =>
    {
        var (own, vectors) = Of(microbatches, first, count);
        var size = tensor(tableSize, device: own.device);
        var (keys, inverse, _) = (own.Plus(FirstKeys(count, own.device))).flatten().unique(return_inverse: true);
        var sums = zeros([keys.shape[0], Length], rows.dtype, rows.device).IncreaseRows(inverse!.flatten(), vectors.flatten(0, 1));
        var squared = zeros([count], ScalarType.Float64, rows.device)
            .IncreaseRows(keys.div(size, RoundingMode.floor), NormBound.SquaredRows(sums));
        return NormBound.WithRounding(squared, SquaredSizes(vectors), vectors.shape[1], rows.dtype);
    });

    /// <summary>The squared norm that the sums of vectors would have if nothing cancelled, from above: [M].</summary>
    public Tensor SquaredSizes(Microbatches microbatches) => workspace.ByParts(
        microbatches.Count, 3 * microbatches.Width * ExampleBytes, (first, count) => SquaredSizes(Of(microbatches, first, count).Vectors));

    public override void AddWeightedSum(Tensor weights, Tensor total)
    {
        foreach (var (first, count) in workspace.Parts(tokens.shape[0], 2 * ExampleBytes))
        {
            using var scope = NewDisposeScope();
            var weight = weights.narrow(0, first, count).view(-1, 1, 1);
            var vectors = rows.narrow(0, first, count) * (factors is null ? weight : weight * factors.narrow(0, first, count).unsqueeze(2));
            total.IncreaseRows(tokens.narrow(0, first, count).flatten(), vectors.flatten(0, 1));
        }
    }

    public override Tensor WriteOut()
    {
        var examples = tokens.shape[0];
        var positions = tokens.Plus(FirstKeys(examples, tokens.device));
        return zeros([examples * tableSize, Length], rows.dtype, rows.device)
            .IncreaseRows(positions.flatten(), Vectors().flatten(0, 1))
            .view(examples, tableSize, -1);
    }

    public override PerExampleGradient Without(Tensor drop) =>
        new RowGradient(tokens, Zeroed(rows, drop), factors is null ? null : Zeroed(factors, drop), tableSize, workspace);

    /// <summary>The tokens of some microbatches and their vectors: [M, R] and [M, R, D]. A missing example has zeros.</summary>
    public (Tensor Tokens, Tensor Vectors) Of(Microbatches microbatches, long first, long count)
    {
        var vectors = microbatches.Group(rows, first, count);
        if (factors is not null)
            vectors = vectors * microbatches.Group(factors, first, count).unsqueeze(3);
        return (microbatches.Group(tokens, first, count).flatten(1, 2), vectors.flatten(1, 2));
    }

    /// <summary>The sum of several of the same table: more tokens.</summary>
    public static RowGradient Sum(IReadOnlyList<RowGradient> gradients, Workspace workspace) => gradients.Count == 1
        ? gradients[0]
        : new(
            cat([.. gradients.Select(g => g.Tokens)], 1), cat([.. gradients.Select(g => g.Vectors())], 1), null, gradients[0].TableSize, workspace);

    private Tensor Tokens => tokens;

    private long TableSize => tableSize;

    /// <summary>What is added to the tokens of each microbatch, so that no two of them have the same: [count, 1].</summary>
    private Tensor FirstKeys(long count, Device device) =>
        tensor([.. Enumerable.Range(0, (int)count).Select(i => i * tableSize)], [count, 1], device: device);

    private Tensor Vectors() => factors is null ? rows : rows * factors.unsqueeze(2);

    private static Tensor SquaredSizes(Tensor vectors) => NormBound.SquaredRows(vectors).Multiply(vectors.shape[1]);
}
