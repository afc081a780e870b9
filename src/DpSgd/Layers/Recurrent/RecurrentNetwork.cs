using DpSgd.Accounting;
using TorchSharp;
using static TorchSharp.torch;

namespace DpSgd.Layers.Recurrent;

/// <summary>
/// Layers and directions of one kind of recurrent cell: what DPLSTM, DPGRU and DPRNN have in common. Inside, the example
/// is always the first dimension.
/// </summary>
internal sealed class RecurrentNetwork
{
    private readonly RecurrentMap[] _maps;

    /// <exception cref="ArgumentOutOfRangeException">A size is not positive, or the dropout is outside [0, 1].</exception>
    public RecurrentNetwork(RecurrentShape shape, RecurrentCell cell)
    {
        Shape = shape.Checked();
        Cell = cell;
        _maps = new RecurrentMap[shape.NumLayers * shape.Directions];
        for (var i = 0; i < _maps.Length; i++)
        {
            var inputs = i < shape.Directions ? shape.InputSize : shape.HiddenSize * shape.Directions;
            _maps[i] = new RecurrentMap(inputs, shape.HiddenSize, cell.Gates, shape.Bias, cell.Resets);
        }
    }

    public RecurrentShape Shape { get; set; }

    public RecurrentCell Cell { get; set; }

    /// <summary>The modules to register, with their names: l0, l0_reverse, l1, ...</summary>
    public IEnumerable<(string Name, RecurrentMap Map)> Maps => _maps.Select((map, i) =>
        (i % Shape.Directions == 0 ? $"l{i / Shape.Directions}" : $"l{i / Shape.Directions}_reverse", map));

    /// <param name="input">[T, B, input], or [B, T, input] with batch first.</param>
    /// <param name="initial">The states before the first step, each [layers * directions, B, hidden]; null for zeros.</param>
    /// <param name="lengths">The examples' numbers of steps, [B]; null for T.</param>
    /// <param name="training">Whether dropout drops.</param>
    /// <returns>The last layer's output, as the input is laid out, and the states after each example's last step.</returns>
    public (Tensor Output, Tensor[] Final) Run(Tensor input, Tensor[]? initial, Tensor? lengths, bool training)
    {
        Guard.NotNull(input);
        if (input.dim() != 3 || input.shape[2] != Shape.InputSize || input.shape[Shape.BatchFirst ? 1 : 0] == 0)
        {
            throw new ArgumentException(
                $"The input must be of shape [{(Shape.BatchFirst ? "batch, steps" : "steps, batch")}, {Shape.InputSize}] with at least one step; " +
                $"it is of shape [{string.Join(", ", input.shape)}].", nameof(input));
        }
        using var scope = NewDisposeScope();
        var x = Shape.BatchFirst ? input : input.transpose(0, 1);
        var padding = SequenceLengths.Of(lengths, x);
        if (padding is not null)
            x = padding.Clean(x);
        var states = Initial(initial, x);
        var final = new Tensor[_maps.Length][];
        for (var layer = 0; layer < Shape.NumLayers; layer++)
        {
            if (layer > 0 && training && Shape.Dropout > 0)
                x = nn.functional.dropout(x, Shape.Dropout);
            var outputs = new Tensor[Shape.Directions];
            for (var direction = 0; direction < Shape.Directions; direction++)
            {
                var i = layer * Shape.Directions + direction;
                var start = Array.ConvertAll(states, state => state.select(0, i));
                (outputs[direction], final[i]) = OneDirection.Run(Cell, _maps[i], x, start, padding, backward: direction == 1);
            }
            x = outputs.Length == 1 ? outputs[0] : cat(outputs, 2);
        }
        var output = Shape.BatchFirst ? x : x.transpose(0, 1);
        var last = Enumerable.Range(0, Cell.States)
            .Select(s => stack(final.Select(state => state[s]), 0).MoveToOuterDisposeScope()).ToArray();
        return (output.MoveToOuterDisposeScope(), last);
    }

    private Tensor[] Initial(Tensor[]? given, Tensor x)
    {
        long[] shape = [_maps.Length, x.shape[0], Shape.HiddenSize];
        if (given is null)
            return Enumerable.Range(0, Cell.States).Select(_ => zeros(shape, dtype: x.dtype, device: x.device)).ToArray();
        foreach (var state in given)
        {
            if (!Guard.NotNull(state).shape.SequenceEqual(shape))
            {
                throw new ArgumentException(
                    $"An initial state must be of shape [layers * directions, batch, hidden], here [{string.Join(", ", shape)}]; " +
                    $"it is of shape [{string.Join(", ", state.shape)}].", nameof(given));
            }
        }
        return given;
    }
}
