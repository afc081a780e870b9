using DpSgd.Clipping;
using TorchSharp;
using static TorchSharp.torch;

namespace DpSgd.PerExampleGradients;

/// <summary>
/// Per-example gradients of a table of which each example uses a few rows: for example i, rows[i, t] is added to row
/// tokens[i, t] of the table. Nothing of the size of examples by table is made.
/// </summary>
/// <param name="tokens">[B, T], whole numbers of 64 bits.</param>
/// <param name="rows">[B, T, D].</param>
/// <param name="tableSize">Number of rows of the table.</param>
internal sealed class RowGradient(Tensor tokens, Tensor rows, long tableSize) : PerExampleGradient
{
    public Tensor Tokens => tokens;

    public Tensor Rows => rows;

    /// <summary>Equal tokens of a microbatch are one row of its gradient: they are summed before the norm is taken.</summary>
    public override Tensor SquaredNorms(Microbatches microbatches)
    {
        var microbatch = microbatches.Spread(arange(microbatches.Count, device: tokens.device));
        var (keys, inverse, _) = (tokens + (microbatch * tableSize).view(-1, 1)).flatten().unique(return_inverse: true);
        var sums = zeros([keys.shape[0], rows.shape[2]], rows.dtype, rows.device).index_add_(0, inverse!.flatten(), rows.flatten(0, 1), 1);
        var squared = zeros([microbatches.Count], ScalarType.Float64, rows.device)
            .index_add_(0, keys.div(tableSize, RoundingMode.floor), NormBound.SquaredRows(sums), 1);
        return NormBound.WithRounding(squared, SquaredSizes(microbatches), Terms(microbatches), rows.dtype);
    }

    /// <summary>The squared norm that the sums of rows would have if nothing cancelled, from above: [M].</summary>
    public Tensor SquaredSizes(Microbatches microbatches) =>
        microbatches.Sum(NormBound.SquaredRows(rows)).mul(Terms(microbatches));

    public override void AddWeightedSum(Tensor weights, Tensor total) =>
        total.index_add_(0, tokens.flatten(), (rows * weights.view(-1, 1, 1)).flatten(0, 1), 1);

    public override Tensor WriteOut()
    {
        var examples = tokens.shape[0];
        var positions = tokens + (arange(examples, device: tokens.device) * tableSize).view(-1, 1);
        return zeros([examples * tableSize, rows.shape[2]], rows.dtype, rows.device)
            .index_add_(0, positions.flatten(), rows.flatten(0, 1), 1)
            .view(examples, tableSize, -1);
    }

    public override PerExampleGradient Without(Tensor drop) => new RowGradient(tokens, Zeroed(rows, drop), tableSize);

    private long Terms(Microbatches microbatches) => microbatches.Width * rows.shape[1];

    /// <summary>The sum with another of the same table: more rows.</summary>
    public RowGradient Plus(RowGradient other) => new(cat([tokens, other.Tokens], 1), cat([rows, other.Rows], 1), tableSize);
}
