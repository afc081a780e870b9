using Microsoft.ML;
using Microsoft.ML.Data;

namespace DpSgd.ML.Scoring;

/// <summary>The network's outputs for the row that a cursor is at, computed once however many columns need them.</summary>
internal sealed class RowScores
{
    private readonly DataViewRow _row;
    private readonly ValueGetter<VBuffer<float>> _getFeatures;
    private readonly DenseNetwork _network;
    private readonly float[][] _workspace;
    private VBuffer<float> _features;
    private long _position = -1;

    public RowScores(DataViewRow row, DataViewSchema.Column features, DenseNetwork network)
    {
        _row = row;
        _getFeatures = row.GetGetter<VBuffer<float>>(features);
        _network = network;
        _workspace = network.MakeWorkspace();
    }

    public ReadOnlySpan<float> Outputs
    {
        get
        {
            if (_position == _row.Position)
                return _workspace[^1];
            _getFeatures(ref _features);
            if (_features.Length != _workspace[0].Length)
                throw new InvalidOperationException($"The features have {_features.Length} values, but the model was trained with {_workspace[0].Length}.");
            _features.CopyTo(_workspace[0]);
            var outputs = _network.Forward(_workspace);
            _position = _row.Position;
            return outputs;
        }
    }
}
