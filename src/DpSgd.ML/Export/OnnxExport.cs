using DpSgd.ML.Tasks;

namespace DpSgd.ML.Export;

/// <summary>Writes a model's scaling, layers and predictions as an ONNX graph.</summary>
internal static class OnnxExport
{
    public static void Write(Stream stream, DpSgdModelParameters model, string input)
    {
        var graph = new OnnxGraph();
        var value = Scaled(graph, model.Network.Ranges, input);
        for (var i = 0; i < model.Layers.Count; i++)
        {
            var layer = model.Layers[i];
            var weights = graph.Constant($"weights_{i}", layer.Weights.Span, layer.OutputSize, layer.InputSize);
            var bias = graph.Constant($"bias_{i}", layer.Bias.Span, layer.OutputSize);
            value = graph.Node("Gemm", $"layer_{i}", [value, weights, bias], ("transB", 1));
            if (i < model.Layers.Count - 1)
                value = graph.Node("Tanh", $"activation_{i}", [value]);
        }
        Predictions(graph, model.Head, value);
        graph.Write(stream, input, model.FeatureCount, new Dictionary<string, string> { ["differential_privacy"] = model.Statement });
    }

    private static string Scaled(OnnxGraph graph, IReadOnlyList<ValueRange> ranges, string input)
    {
        if (ranges.Count == 0)
            return input;
        string Constant(string name, Func<ValueRange, float> of) => graph.Constant(name, [.. ranges.Select(of)], ranges.Count);
        var value = graph.Node("Max", "above_minimum", [input, Constant("minimum", range => range.Minimum)]);
        value = graph.Node("Min", "in_range", [value, Constant("maximum", range => range.Maximum)]);
        value = graph.Node("Sub", "centred", [value, Constant("middle", range => range.Middle)]);
        return graph.Node("Div", "scaled", [value, Constant("half", range => range.Half)]);
    }

    private static void Predictions(OnnxGraph graph, PredictionHead head, string outputs)
    {
        switch (head)
        {
            case MulticlassHead:
                graph.Output(graph.Node("Softmax", "Score", [outputs], ("axis", 1)), head.Outputs);
                graph.Output(graph.Node("ArgMax", "PredictedLabel", [outputs], ("axis", 1), ("keepdims", 0)), null);
                break;
            case BinaryHead:
                graph.Output(graph.Node("Identity", "Score", [outputs]), 1);
                graph.Output(graph.Node("Sigmoid", "Probability", [outputs]), 1);
                break;
            case RegressionHead { Range: var range }:
                var scaled = graph.Node("Mul", "in_half_ranges", [outputs, graph.Constant("label_half", [range.Half], 1)]);
                graph.Output(graph.Node("Add", "Score", [scaled, graph.Constant("label_middle", [range.Middle], 1)]), 1);
                break;
            default:
                throw new InvalidOperationException($"There is no ONNX form of {head.GetType().Name}.");
        }
    }
}
