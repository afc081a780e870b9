using DpSgd.ML.Tasks;
using Microsoft.ML;
using Microsoft.ML.Data;

namespace DpSgd.ML.Training;

/// <summary>The two columns that a trainer reads.</summary>
internal readonly record struct TrainingColumns(DataViewSchema.Column Label, DataViewSchema.Column Features)
{
    public int FeatureCount => ((VectorDataViewType)Features.Type).Size;

    /// <summary>Finds and checks them.</summary>
    /// <exception cref="ArgumentOutOfRangeException">One is missing, or not of the right type; in ML.NET's words.</exception>
    public static TrainingColumns Find(DataViewSchema schema, DpSgdTrainerOptions options, LearningTask task)
    {
        var features = Find(schema, "feature", options.FeatureColumnName);
        if (features.Type is not VectorDataViewType { Size: > 0 } vector || vector.ItemType != NumberDataViewType.Single)
            throw Mismatch("feature", features, "Vector<Single> of known size");
        var label = Find(schema, "label", options.LabelColumnName);
        if (!task.Accepts(label.Type))
            throw Mismatch("label", label, task.LabelType);
        if (options.FeatureRanges.Count > 1 && options.FeatureRanges.Count != vector.Size)
        {
            throw new ArgumentException(
                $"There are {options.FeatureRanges.Count} {nameof(options.FeatureRanges)}, but feature column '{features.Name}' has {vector.Size} values: give one range for all of them, or one for each.",
                nameof(options));
        }
        return new(label, features);
    }

    /// <summary>Finds the column of features that a model was trained with.</summary>
    /// <exception cref="ArgumentOutOfRangeException">It is missing, or of another size.</exception>
    public static DataViewSchema.Column FindFeatures(DataViewSchema schema, string name, int count)
    {
        var features = Find(schema, "feature", name);
        return features.Type is VectorDataViewType vector && vector.Size == count && vector.ItemType == NumberDataViewType.Single
            ? features
            : throw Mismatch("feature", features, $"Vector<Single, {count}>");
    }

    private static DataViewSchema.Column Find(DataViewSchema schema, string role, string name) =>
        schema.GetColumnOrNull(name) ?? throw new ArgumentOutOfRangeException(nameof(schema), $"Could not find {role} column '{name}'");

    private static ArgumentOutOfRangeException Mismatch(string role, DataViewSchema.Column column, string expected) =>
        new("schema", $"Schema mismatch for {role} column '{column.Name}': expected {expected}, got {column.Type}");
}
