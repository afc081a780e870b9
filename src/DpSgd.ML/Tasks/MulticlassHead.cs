using DpSgd.ML.Persistence;
using DpSgd.ML.Scoring;
using Microsoft.ML;
using Microsoft.ML.Data;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;
using TensorPrimitives = System.Numerics.Tensors.TensorPrimitives;

namespace DpSgd.ML.Tasks;

/// <summary>One output a class; softmax makes probabilities of them.</summary>
/// <param name="classes">Number of classes.</param>
/// <param name="names">What the classes stand for; null when the label's key had no values.</param>
internal sealed class MulticlassHead(int classes, KeyValues? names) : PredictionHead
{
    public override int Outputs => classes;

    public override Tensor Loss(Tensor outputs, Tensor labels) =>
        functional.cross_entropy(outputs, labels.to(ScalarType.Int64));

    public override IReadOnlyList<OutputColumn> Columns(DataViewSchema schema)
    {
        var annotations = ScoreAnnotations.For("MulticlassClassification", schema);
        return
        [
            new("PredictedLabel", new KeyDataViewType(typeof(uint), classes),
                annotations.Of("PredictedLabel", more => names?.AddTo(more, "KeyValues")), PredictedLabel),
            new("Score", new VectorDataViewType(NumberDataViewType.Single, classes), annotations.Of("Score", more =>
            {
                if (names is KeyValues<ReadOnlyMemory<char>>)
                    names.AddTo(more, "SlotNames");
                names?.AddTo(more, "TrainingLabelValues");
            }), Score),
        ];
    }

    public override SavedHead Save() => new() { Task = SavedHead.Multiclass, Classes = classes, Names = names?.Save() };

    private static Delegate PredictedLabel(RowScores row)
    {
        ValueGetter<uint> getter = (ref uint label) =>
        {
            var outputs = row.Outputs;
            var best = TensorPrimitives.IndexOfMax(outputs);
            label = float.IsNaN(outputs[best]) ? 0 : (uint)best + 1;   // as ML.NET: a missing key
        };
        return getter;
    }

    private static Delegate Score(RowScores row)
    {
        ValueGetter<VBuffer<float>> getter = (ref VBuffer<float> score) =>
        {
            var outputs = row.Outputs;
            var editor = VBufferEditor.Create(ref score, outputs.Length);
            // Less the largest, so that nothing overflows.
            TensorPrimitives.Subtract(outputs, TensorPrimitives.Max(outputs), editor.Values);
            TensorPrimitives.SoftMax(editor.Values, editor.Values);
            score = editor.Commit();
        };
        return getter;
    }
}
