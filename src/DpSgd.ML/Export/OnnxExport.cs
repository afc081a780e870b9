using DpSgd.ML.Tasks;

namespace DpSgd.ML.Export;

/// <summary>Writes a model's scaling, layers and predictions as an ONNX graph.</summary>
internal sealed class OnnxExport
{
    private const string Score = "Score";
    private const string PredictedLabel = "PredictedLabel";
    private const string Probability = "Probability";
    private readonly OnnxGraph _graph = new();
    private readonly DpSgdModelParameters _model;
    private readonly string _input;

    private OnnxExport(DpSgdModelParameters model, string input) => (_model, _input) = (model, input);

    public static void Write(Stream stream, DpSgdModelParameters model, string featureColumnName) =>
        new OnnxExport(model, InputName(featureColumnName)).Write(stream);

    /// <summary>An input may not be called as an output is. A model cannot be trained again for its column's name: that costs privacy.</summary>
    private static string InputName(string column) =>
        column is Score or PredictedLabel or Probability ? column + ".input" : column;

    /// <summary>A name that is neither the input's, since it is longer, nor an output's, which have no stroke.</summary>
    private string Inner(string name) => $"{_input}/{name}";

    private void Write(Stream stream)
    {
        var value = Scaled();
        for (var i = 0; i < _model.Layers.Count; i++)
        {
            var layer = _model.Layers[i];
            var weights = _graph.Constant(Inner($"weights_{i}"), layer.Weights.Span, layer.OutputSize, layer.InputSize);
            var bias = _graph.Constant(Inner($"bias_{i}"), layer.Bias.Span, layer.OutputSize);
            value = _graph.Node("Gemm", Inner($"layer_{i}"), [value, weights, bias], ("transB", 1));
            if (i < _model.Layers.Count - 1)
                value = _graph.Node("Tanh", Inner($"activation_{i}"), [value]);
        }
        Predictions(value);
        _graph.Write(stream, _input, _model.FeatureCount, new Dictionary<string, string> { ["differential_privacy"] = _model.Statement });
    }

    private string Scaled()
    {
        var ranges = _model.Network.Ranges;
        if (ranges.Count == 0)
            return _input;
        string Constant(string name, Func<ValueRange, float> of) => _graph.Constant(Inner(name), [.. ranges.Select(of)], ranges.Count);
        var value = _graph.Node("Max", Inner("above_minimum"), [_input, Constant("minimum", range => range.Minimum)]);
        value = _graph.Node("Min", Inner("in_range"), [value, Constant("maximum", range => range.Maximum)]);
        value = _graph.Node("Sub", Inner("centred"), [value, Constant("middle", range => range.Middle)]);
        return _graph.Node("Div", Inner("scaled"), [value, Constant("half", range => range.Half)]);
    }

    private void Predictions(string outputs)
    {
        string Number(string name, float value, params long[] shape) => _graph.Constant(Inner(name), [value], shape);
        switch (_model.Head)
        {
            case MulticlassHead head:
                _graph.Output(_graph.Node("Softmax", Score, [outputs], ("axis", 1)), head.Outputs);
                _graph.Output(_graph.Node("ArgMax", PredictedLabel, [outputs], ("axis", 1), ("keepdims", 0)), null);
                break;
            case BinaryHead:
                _graph.Output(_graph.Node("Identity", Score, [outputs]), 1);
                var sigmoid = _graph.Node("Sigmoid", Inner("sigmoid"), [outputs]);
                var least = Number("least_probability", BinaryHead.LeastProbability);
                var most = Number("most_probability", 1 - BinaryHead.LeastProbability);
                _graph.Output(_graph.Node("Clip", Probability, [sigmoid, least, most]), 1);
                break;
            case RegressionHead { Range: var range }:
                var scaled = _graph.Node("Mul", Inner("in_half_ranges"), [outputs, Number("label_half", range.Half, 1)]);
                _graph.Output(_graph.Node("Add", Score, [scaled, Number("label_middle", range.Middle, 1)]), 1);
                break;
            default:
                throw new InvalidOperationException($"There is no ONNX form of {_model.Head.GetType().Name}.");
        }
    }
}
