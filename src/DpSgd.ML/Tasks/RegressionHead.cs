using DpSgd.ML.Persistence;
using DpSgd.ML.Scoring;
using Microsoft.ML;
using Microsoft.ML.Data;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace DpSgd.ML.Tasks;

/// <summary>One output, the label scaled to [-1, 1].</summary>
/// <param name="range">Bounds of the labels.</param>
internal sealed class RegressionHead(ValueRange range) : PredictionHead
{
    public ValueRange Range => range;

    public override int Outputs => 1;

    public override Tensor Loss(Tensor outputs, Tensor labels) => functional.mse_loss(outputs.squeeze(1), labels);

    public override IReadOnlyList<OutputColumn> Columns(DataViewSchema schema) =>
    [
        new("Score", NumberDataViewType.Single, ScoreAnnotations.For("Regression", schema).Of("Score"), row =>
            new ValueGetter<float>((ref float score) => score = range.Unscale(row.Outputs[0]))),
    ];

    public override SavedHead Save() => new() { Task = SavedHead.Regression, LabelRange = [range.Minimum, range.Maximum] };
}
