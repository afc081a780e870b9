using System.Numerics.Tensors;
using DpSgd.ML.Scoring;
using DpSgd.ML.Tasks;
using Microsoft.ML;
using Microsoft.ML.Data;

namespace DpSgd.ML.Training;

/// <summary>
/// The features and labels of all rows, in pieces: how many rows a stream has is known only at its end, and one array that
/// grows would be held twice while it is copied.
/// </summary>
internal sealed class TrainingRows
{
    private const int ValuesInPiece = 1 << 20;
    private readonly List<float[]> _pieces = [];
    private readonly int _rowsInPiece;

    private TrainingRows(int featureCount)
    {
        FeatureCount = featureCount;
        _rowsInPiece = Math.Max(1, ValuesInPiece / (featureCount + 1));
    }

    public int FeatureCount { get; }

    /// <summary>Number of rows.</summary>
    public long Count { get; private set; }

    /// <summary>The features of a row, scaled.</summary>
    public ReadOnlySpan<float> Features(long row) => Row(row)[..FeatureCount];

    /// <summary>The label of a row, as the task reads it.</summary>
    public float Label(long row) => Row(row)[FeatureCount];

    /// <summary>Reads all rows, once.</summary>
    /// <exception cref="InvalidOperationException">There are none, or one has a value that is missing or infinite or not as many features as the column's type says, or all labels are of one class.</exception>
    public static TrainingRows Read(
        IDataView data, TrainingColumns columns, LearningTask task, IReadOnlyList<ValueRange> ranges, Cancellation cancellation)
    {
        var rows = new TrainingRows(columns.FeatureCount);
        var classes = new HashSet<float>();
        using var cursor = data.GetRowCursor([columns.Features, columns.Label]);
        var getFeatures = cursor.GetGetter<VBuffer<float>>(columns.Features);
        var readLabel = task.LabelReader(cursor, columns.Label);
        VBuffer<float> features = default;
        while (cursor.MoveNext())
        {
            if (rows.Count % 1024 == 0)
                cancellation.ThrowIfCancelled();
            getFeatures(ref features);
            if (features.Length != rows.FeatureCount)
                throw WrongLength(columns.Features, rows.Count, features.Length, rows.FeatureCount);
            var row = rows.Append();
            features.CopyTo(row[..rows.FeatureCount]);
            if (!float.IsFinite(TensorPrimitives.MaxMagnitude(row[..rows.FeatureCount])))
                throw Bad("feature", columns.Features, rows.Count - 1, "that is missing, NaN or infinite. Remove such rows or replace such values before training, for example with ReplaceMissingValues");
            DenseNetwork.Scale(ranges, row[..rows.FeatureCount]);
            var label = readLabel();
            if (float.IsNaN(label))
                throw Bad("label", columns.Label, rows.Count - 1, task.MissingLabel);
            row[rows.FeatureCount] = label;
            if (task.HasClasses && classes.Count < 2)
                classes.Add(label);
        }
        if (rows.Count == 0)
            throw new InvalidOperationException($"The training data has no rows: there is nothing in feature column '{columns.Features.Name}' and label column '{columns.Label.Name}'.");
        if (task.HasClasses && classes.Count < 2)
            throw new InvalidOperationException($"All rows are of one class: label column '{columns.Label.Name}' must have two at least.");
        return rows;
    }

    private Span<float> Append()
    {
        if (Count % _rowsInPiece == 0)
            _pieces.Add(new float[_rowsInPiece * (FeatureCount + 1)]);
        return Row(Count++);
    }

    private Span<float> Row(long row)
    {
        var (piece, index) = Math.DivRem(row, _rowsInPiece);
        return _pieces[(int)piece].AsSpan((int)index * (FeatureCount + 1), FeatureCount + 1);
    }

    private static InvalidOperationException Bad(string role, DataViewSchema.Column column, long row, string what) => new(
        $"The {role} column '{column.Name}' has a value in row {row} (counted from 0) {what}.");

    /// <summary>The type of the column promises a size, but ML.NET holds no row to it: a missing vector has no values at all.</summary>
    private static InvalidOperationException WrongLength(DataViewSchema.Column column, long row, int length, int expected) => new(
        $"The feature column '{column.Name}' has {length} {(length == 1 ? "value" : "values")} in row {row} (counted from 0), but must have {expected}, as its type says. " +
        "Remove such rows before training, or fill their vectors up.");
}
