using Microsoft.ML;
using Microsoft.ML.Data;

namespace DpSgd.ML.Scoring;

/// <summary>Adds the columns of a prediction to rows of one schema. The added columns come after the others.</summary>
internal sealed class RowMapper : IRowToRowMapper
{
    private readonly DataViewSchema.Column _features;
    private readonly DenseNetwork _network;
    private readonly IReadOnlyList<OutputColumn> _added;

    public RowMapper(DataViewSchema inputSchema, DataViewSchema.Column features, DpSgdModelParameters model)
    {
        InputSchema = inputSchema;
        _features = features;
        _network = model.Network;
        _added = model.Head.Columns(inputSchema);
        var builder = new DataViewSchema.Builder();
        builder.AddColumns(inputSchema);
        foreach (var column in _added)
            builder.AddColumn(column.Name, column.Type, column.Annotations);
        OutputSchema = builder.ToSchema();
    }

    public DataViewSchema InputSchema { get; }

    public DataViewSchema OutputSchema { get; }

    public IEnumerable<DataViewSchema.Column> GetDependencies(IEnumerable<DataViewSchema.Column> dependingColumns)
    {
        var wanted = dependingColumns.Select(column => column.Index).ToHashSet();
        var scores = wanted.Any(index => index >= InputSchema.Count);
        return InputSchema.Where(column => wanted.Contains(column.Index) || (scores && column.Index == _features.Index));
    }

    public DataViewRow GetRow(DataViewRow input, IEnumerable<DataViewSchema.Column> activeColumns) =>
        new ScoredRow(input, Map(input, activeColumns));

    /// <summary>The values of a row, to which a prediction is added.</summary>
    public MappedColumns Map(DataViewRow input, IEnumerable<DataViewSchema.Column> activeColumns) => new(this, input, activeColumns);

    /// <summary>Where the values of each column of a row come from.</summary>
    internal sealed class MappedColumns
    {
        private readonly RowMapper _mapper;
        private readonly DataViewRow _input;
        private readonly HashSet<int> _active;
        private readonly Lazy<RowScores> _scores;

        public MappedColumns(RowMapper mapper, DataViewRow input, IEnumerable<DataViewSchema.Column> activeColumns)
        {
            _mapper = mapper;
            _input = input;
            _active = [.. activeColumns.Select(column => column.Index)];
            _scores = new(() => new RowScores(input, input.Schema[mapper._features.Index], mapper._network));
        }

        public DataViewSchema Schema => _mapper.OutputSchema;

        public bool IsActive(DataViewSchema.Column column) => column.Index < _mapper.InputSchema.Count
            ? _input.IsColumnActive(_input.Schema[column.Index])
            : _active.Contains(column.Index);

        public ValueGetter<TValue> Getter<TValue>(DataViewSchema.Column column)
        {
            if (!IsActive(column))
                throw new InvalidOperationException($"The column '{column.Name}' was not asked for when this row or cursor was made.");
            if (column.Index < _mapper.InputSchema.Count)
                return _input.GetGetter<TValue>(_input.Schema[column.Index]);
            var added = _mapper._added[column.Index - _mapper.InputSchema.Count];
            return added.MakeGetter(_scores.Value) as ValueGetter<TValue>
                ?? throw new InvalidOperationException($"Invalid TValue in GetGetter for column '{added.Name}': '{typeof(TValue)}', expected type: '{added.Type.RawType}'.");
        }
    }
}
