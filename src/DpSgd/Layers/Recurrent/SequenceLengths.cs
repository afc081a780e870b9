using TorchSharp;
using static TorchSharp.torch;

namespace DpSgd.Layers.Recurrent;

/// <summary>Which steps of a padded batch are an example's own.</summary>
internal sealed class SequenceLengths
{
    private readonly Tensor _own;
    private readonly long _shortest;

    private SequenceLengths(Tensor own, long shortest)
    {
        _own = own;
        _shortest = shortest;
    }

    /// <summary>Reads and checks lengths.</summary>
    /// <param name="lengths">[B], integers in [0, T]; null for no padding.</param>
    /// <param name="input">The batch: [B, T, features].</param>
    /// <returns>Null if no example is padded.</returns>
    /// <exception cref="ArgumentException">The lengths are not of that kind.</exception>
    public static SequenceLengths? Of(Tensor? lengths, Tensor input)
    {
        if (lengths is null)
            return null;
        long examples = input.shape[0], steps = input.shape[1];
        if (lengths.dim() != 1 || lengths.shape[0] != examples || !lengths.is_integral())
        {
            throw new ArgumentException(
                $"Lengths must be integers, one for each of the {examples} examples; got a {lengths.dtype} of shape [{string.Join(", ", lengths.shape)}].",
                nameof(lengths));
        }
        using var counts = lengths.to(ScalarType.Int64, CPU);
        var values = counts.data<long>().ToArray();
        var wrong = Array.FindIndex(values, length => length < 0 || length > steps);
        if (wrong >= 0)
        {
            throw new ArgumentException(
                $"Lengths must be in [0, {steps}], the number of steps of the batch; that of example {wrong} is {values[wrong]}.", nameof(lengths));
        }
        if (values.All(length => length == steps))
            return null;
        var positions = arange(steps, dtype: ScalarType.Int64, device: input.device).view(1, -1, 1);
        var own = positions < counts.to(input.device).view(-1, 1, 1);
        return new(own, values.Min());
    }

    /// <summary>The batch with zero in place of padding, whatever the padding is: [B, T, features].</summary>
    public Tensor Clean(Tensor input) => input.masked_fill(_own.logical_not(), 0);

    /// <summary>Which examples have a step number <paramref name="step"/>, [B, 1]; null for all.</summary>
    public Tensor? Having(long step) => step < _shortest ? null : _own.select(1, step);
}
