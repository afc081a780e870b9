using System.Runtime.InteropServices;

namespace DpSgd.ML.Export;

/// <summary>
/// A graph in the ONNX format: those few messages of onnx.proto that a feed-forward network needs, by their field numbers.
/// </summary>
internal sealed class OnnxGraph
{
    private const int IrVersion = 7;
    private const int OperatorSet = 13;
    private const int Float = 1;
    private const int Int64 = 7;
    private readonly List<Action<ProtoWriter>> _nodes = [];
    private readonly List<Action<ProtoWriter>> _constants = [];
    private readonly List<Action<ProtoWriter>> _outputs = [];

    /// <summary>Adds a constant.</summary>
    /// <returns>Its name.</returns>
    public string Constant(string name, ReadOnlySpan<float> values, params long[] shape)
    {
        var bytes = MemoryMarshal.AsBytes(values).ToArray();
        _constants.Add(tensor =>
        {
            foreach (var dimension in shape)
                tensor.Number(1, dimension);
            tensor.Number(2, Float);
            tensor.Text(8, name);
            tensor.Bytes(9, bytes);
        });
        return name;
    }

    /// <summary>Adds an operation.</summary>
    /// <returns>The name of its output.</returns>
    public string Node(string operation, string output, string[] inputs, params (string Name, long Value)[] attributes)
    {
        _nodes.Add(node =>
        {
            foreach (var input in inputs)
                node.Text(1, input);
            node.Text(2, output);
            node.Text(3, output);
            node.Text(4, operation);
            foreach (var (name, value) in attributes)
            {
                node.Message(5, attribute =>
                {
                    attribute.Text(1, name);
                    attribute.Number(3, value);
                    attribute.Number(20, 2);   // an integer
                });
            }
        });
        return output;
    }

    /// <summary>Declares an output: [N, columns] of floats, or [N] of 64 bit integers when there are no columns.</summary>
    public void Output(string name, int? columns) => _outputs.Add(Value(name, columns));

    /// <summary>Writes the model.</summary>
    /// <param name="stream">Where to.</param>
    /// <param name="input">Name of the input, [N, columns].</param>
    /// <param name="columns">Columns of the input.</param>
    /// <param name="metadata">Facts about the model.</param>
    public void Write(Stream stream, string input, int columns, IReadOnlyDictionary<string, string> metadata)
    {
        using var model = new ProtoWriter(stream);
        model.Number(1, IrVersion);
        model.Text(2, "DpSgd.ML");
        model.Message(7, graph =>
        {
            foreach (var node in _nodes)
                graph.Message(1, node);
            graph.Text(2, "DpSgd");
            foreach (var constant in _constants)
                graph.Message(5, constant);
            graph.Message(11, Value(input, columns));
            foreach (var output in _outputs)
                graph.Message(12, output);
        });
        model.Message(8, operatorSet =>
        {
            operatorSet.Text(1, "");
            operatorSet.Number(2, OperatorSet);
        });
        foreach (var (key, value) in metadata)
        {
            model.Message(14, entry =>
            {
                entry.Text(1, key);
                entry.Text(2, value);
            });
        }
    }

    private static Action<ProtoWriter> Value(string name, int? columns) => value =>
    {
        value.Text(1, name);
        value.Message(2, type => type.Message(1, tensor =>
        {
            tensor.Number(1, columns is null ? Int64 : Float);
            tensor.Message(2, shape =>
            {
                shape.Message(1, dimension => dimension.Text(2, "N"));
                if (columns is { } count)
                    shape.Message(1, dimension => dimension.Number(1, count));
            });
        }));
    };
}
