using Microsoft.ML;

namespace DpSgd.ML.Scoring;

/// <summary>Data with predictions, computed as the rows are read.</summary>
internal sealed class ScoredView(IDataView source, RowMapper mapper) : IDataView
{
    public bool CanShuffle => source.CanShuffle;

    public DataViewSchema Schema => mapper.OutputSchema;

    public long? GetRowCount() => source.GetRowCount();

    public DataViewRowCursor GetRowCursor(IEnumerable<DataViewSchema.Column> columnsNeeded, Random? rand = null)
    {
        var columns = columnsNeeded.ToList();
        return Scored(source.GetRowCursor(mapper.GetDependencies(columns), rand), columns);
    }

    public DataViewRowCursor[] GetRowCursorSet(IEnumerable<DataViewSchema.Column> columnsNeeded, int n, Random? rand = null)
    {
        var columns = columnsNeeded.ToList();
        return [.. source.GetRowCursorSet(mapper.GetDependencies(columns), n, rand).Select(cursor => Scored(cursor, columns))];
    }

    private DataViewRowCursor Scored(DataViewRowCursor cursor, IReadOnlyList<DataViewSchema.Column> columns) =>
        new ScoredCursor(cursor, mapper.Map(cursor, columns));
}
