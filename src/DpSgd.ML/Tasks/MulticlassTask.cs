using Microsoft.ML;
using Microsoft.ML.Data;

namespace DpSgd.ML.Tasks;

/// <summary>Which of several classes a row is of. How many there are is in the type of the label, and so is public.</summary>
internal sealed class MulticlassTask : LearningTask
{
    public static readonly MulticlassTask Instance = new();

    public override string LabelType => "Key<UInt32> of two or more classes";

    public override string MissingLabel =>
        "that is none of its keys. Remove such rows before training, or name the class in the keyData of MapValueToKey";

    public override bool Accepts(DataViewType labelType) =>
        labelType is KeyDataViewType { Count: >= 2 and <= 1 << 24 } && labelType.RawType == typeof(uint);

    public override StandardTrainer Standard(MLContext mlContext, DpSgdTrainerOptions options)
    {
        var trainer = mlContext.MulticlassClassification.Trainers.SdcaMaximumEntropy(options.LabelColumnName, options.FeatureColumnName);
        return new(trainer.GetOutputSchema);
    }

    public override Func<float> LabelReader(DataViewRow row, DataViewSchema.Column label)
    {
        var getter = row.GetGetter<uint>(label);
        var key = 0u;
        return () =>
        {
            getter(ref key);
            return key == 0 ? float.NaN : key - 1;   // zero is the missing key
        };
    }

    public override PredictionHead Head(DataViewSchema.Column label) =>
        new MulticlassHead((int)((KeyDataViewType)label.Type).Count, KeyValues.Of(label));
}
