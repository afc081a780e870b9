using Microsoft.ML;
using Microsoft.ML.Data;

namespace DpSgd.ML.Tasks;

/// <summary>A number, by least squares.</summary>
/// <param name="range">Bounds of the labels.</param>
internal sealed class RegressionTask(ValueRange range) : LearningTask
{
    public override string LabelType => "Single";

    public override bool HasClasses => false;

    public override bool Accepts(DataViewType labelType) => labelType == NumberDataViewType.Single;

    public override StandardTrainer Standard(MLContext mlContext, DpSgdTrainerOptions options)
    {
        var trainer = mlContext.Regression.Trainers.Sdca(options.LabelColumnName, options.FeatureColumnName);
        return new(trainer.GetOutputSchema);
    }

    public override Func<float> LabelReader(DataViewRow row, DataViewSchema.Column label)
    {
        var getter = row.GetGetter<float>(label);
        var value = 0f;
        return () =>
        {
            getter(ref value);
            return float.IsFinite(value) ? range.Scale(value) : float.NaN;
        };
    }

    public override PredictionHead Head(DataViewSchema.Column label) => new RegressionHead(range);
}
