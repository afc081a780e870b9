using Microsoft.ML;
using Microsoft.ML.Data;

namespace DpSgd.ML.Tasks;

/// <summary>Whether something is true of a row.</summary>
internal sealed class BinaryTask : LearningTask
{
    public static readonly BinaryTask Instance = new();

    public override string LabelType => "Boolean";

    public override bool Accepts(DataViewType labelType) => labelType is BooleanDataViewType;

    public override StandardTrainer Standard(MLContext mlContext, DpSgdTrainerOptions options)
    {
        var trainer = mlContext.BinaryClassification.Trainers.SdcaLogisticRegression(options.LabelColumnName, options.FeatureColumnName);
        return new(trainer.GetOutputSchema);
    }

    public override Func<float> LabelReader(DataViewRow row, DataViewSchema.Column label)
    {
        var getter = row.GetGetter<bool>(label);
        var value = false;
        return () =>
        {
            getter(ref value);
            return value ? 1 : 0;
        };
    }

    public override PredictionHead Head(DataViewSchema.Column label) => new BinaryHead();
}
