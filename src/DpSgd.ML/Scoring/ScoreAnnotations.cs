using Microsoft.ML;
using Microsoft.ML.Data;

namespace DpSgd.ML.Scoring;

/// <summary>The annotations by which ML.NET knows a prediction's columns.</summary>
/// <param name="columnKind">Of what task: MulticlassClassification, BinaryClassification or Regression.</param>
/// <param name="setId">A number that the columns of one prediction share, and those of others in the same schema do not.</param>
internal sealed class ScoreAnnotations(string columnKind, uint setId)
{
    private const string ScoreColumnSetId = nameof(ScoreColumnSetId);
    private static readonly KeyDataViewType SetIdType = new(typeof(uint), int.MaxValue);

    /// <summary>For columns that are added to a schema, in which there may be other predictions already.</summary>
    public static ScoreAnnotations For(string columnKind, DataViewSchema schema)
    {
        var last = 0u;
        foreach (var column in schema)
        {
            if (column.Annotations.Schema.GetColumnOrNull(ScoreColumnSetId) is { Type: KeyDataViewType } && column.Annotations.Schema[ScoreColumnSetId].Type.RawType == typeof(uint))
            {
                var id = 0u;
                column.Annotations.GetValue(ScoreColumnSetId, ref id);
                last = Math.Max(last, id);
            }
        }
        return new(columnKind, checked(last + 1));
    }

    /// <param name="valueKind">What the column holds: PredictedLabel, Score or Probability.</param>
    /// <param name="addMore">Adds annotations of the column's own.</param>
    public DataViewSchema.Annotations Of(string valueKind, Action<DataViewSchema.Annotations.Builder>? addMore = null)
    {
        var builder = new DataViewSchema.Annotations.Builder();
        builder.AddPrimitiveValue(ScoreColumnSetId, SetIdType, setId);
        builder.AddPrimitiveValue("ScoreColumnKind", TextDataViewType.Instance, columnKind.AsMemory());
        builder.AddPrimitiveValue("ScoreValueKind", TextDataViewType.Instance, valueKind.AsMemory());
        addMore?.Invoke(builder);
        return builder.ToAnnotations();
    }
}
