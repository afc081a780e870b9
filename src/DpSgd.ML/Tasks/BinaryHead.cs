using DpSgd.ML.Persistence;
using DpSgd.ML.Scoring;
using Microsoft.ML;
using Microsoft.ML.Data;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace DpSgd.ML.Tasks;

/// <summary>One output, the logit of the probability.</summary>
internal sealed class BinaryHead : PredictionHead
{
    /// <summary>
    /// Probabilities are never quite 0 or 1, which floats would round them to: one wrong row would make the log-loss of all of
    /// them infinite.
    /// </summary>
    public const float LeastProbability = 1e-7f;

    public override int Outputs => 1;

    public override Tensor Loss(Tensor outputs, Tensor labels) =>
        functional.binary_cross_entropy_with_logits(outputs.squeeze(1), labels);

    public override IReadOnlyList<OutputColumn> Columns(DataViewSchema schema)
    {
        var annotations = ScoreAnnotations.For("BinaryClassification", schema);
        return
        [
            new("PredictedLabel", BooleanDataViewType.Instance, annotations.Of("PredictedLabel"), row =>
                new ValueGetter<bool>((ref bool label) => label = row.Outputs[0] > 0)),
            new("Score", NumberDataViewType.Single, annotations.Of("Score"), row =>
                new ValueGetter<float>((ref float score) => score = row.Outputs[0])),
            new("Probability", NumberDataViewType.Single,
                annotations.Of("Probability", more => more.AddPrimitiveValue("IsNormalized", BooleanDataViewType.Instance, true)), row =>
                new ValueGetter<float>((ref float probability) => probability = Probability(row.Outputs[0]))),
        ];
    }

    private static float Probability(float logit) =>
        Math.Clamp(1 / (1 + MathF.Exp(-logit)), LeastProbability, 1 - LeastProbability);

    public override SavedHead Save() => new() { Task = SavedHead.Binary };
}
