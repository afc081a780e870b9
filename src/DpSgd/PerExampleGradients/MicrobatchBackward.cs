using DpSgd.Clipping;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace DpSgd.PerExampleGradients;

/// <summary>
/// The plain way to clipped gradients, for models of any kind: an ordinary forward and backward pass for each microbatch.
/// </summary>
internal sealed class MicrobatchBackward : IDisposable
{
    private readonly nn.Module _model;
    private readonly IReadOnlyList<Parameter> _parameters;
    private readonly Action _removeHooks;
    private readonly List<long?> _calls = [];
    private readonly double _forRounding;

    /// <param name="model">The whole model.</param>
    /// <param name="parameters">Its trained parameters.</param>
    public MicrobatchBackward(nn.Module model, IReadOnlyList<Parameter> parameters)
    {
        _model = model;
        _parameters = parameters;
        // Gradient and factor are multiplied in the sum's precision, and no product may round up to more than C.
        _forRounding = 1 + 4 * parameters.Max(p => NormBound.UnitRoundoff(p.dtype));
        _removeHooks = RootCall.Observe(model, examples => _calls.Add(examples?.shape[0]), () => { });
    }

    /// <summary>Clips each microbatch's average gradient to norm C and adds the sum of them to <paramref name="total"/>.</summary>
    /// <param name="microbatches">The partition of the batch.</param>
    /// <param name="loss">The loss of the examples at some positions [m], a scalar.</param>
    /// <param name="reduction">How it combines them.</param>
    /// <param name="l2NormClip">C.</param>
    /// <param name="total">Added to.</param>
    /// <returns>How many examples were in microbatches with a non-finite gradient, which contribute nothing.</returns>
    /// <exception cref="InvalidOperationException">The loss is not that of the microbatch alone.</exception>
    public long AddClippedSum(
        Microbatches microbatches, Func<Tensor, Tensor> loss, LossReduction reduction, double l2NormClip, FlatGradient total)
    {
        var nonFinite = 0L;
        foreach (var positions in microbatches.Positions().Where(p => p.Length > 0))
        {
            using var scope = NewDisposeScope();
            try
            {
                Backward(loss, positions);
                var toAverage = reduction == LossReduction.Sum ? 1.0 / positions.Length : 1;
                // Sparse gradients list a token as often as it occurs: dense, they are summed before the norm is taken.
                var gradients = _parameters.Select(p => (Parameter: p, Gradient: p.grad?.to_dense())).Where(g => g.Gradient is not null).ToList();
                var norm = gradients.Aggregate(
                    zeros([], ScalarType.Float64, _parameters[0].device),
                    (sum, g) => sum.Plus(SquaredNorm(g.Gradient!).to(sum.device))).sqrt().Multiply(toAverage * _forRounding);
                var factor = FlatClipping.Factors(norm, l2NormClip).ToDouble() * toAverage;
                if (!norm.isfinite().ToBoolean())
                {
                    nonFinite += positions.Length;
                    continue;
                }
                foreach (var (parameter, gradient) in gradients)
                    total.Of(parameter).Increase(gradient!, factor);
            }
            finally
            {
                ForgetGradients();
            }
        }
        return nonFinite;
    }

    public void Dispose() => _removeHooks();

    /// <summary>No gradient without noise stays behind: not those of parameters either that are not trained here.</summary>
    private void ForgetGradients()
    {
        foreach (var parameter in _model.parameters())
            parameter.grad = null;
    }

    private void Backward(Func<Tensor, Tensor> loss, long[] positions)
    {
        using var recording = enable_grad();
        _calls.Clear();
        var value = loss(tensor(positions, device: _parameters[0].device));
        if (value is null || value.numel() != 1 || !value.requires_grad)
        {
            throw Refuse(
                "the function must return the loss of the examples at the positions that it is given, a scalar that depends on the model; it returned " +
                (value is null ? "null" : $"a tensor of shape [{string.Join(", ", value.shape)}]{(value.requires_grad ? "" : " that does not")}"));
        }
        if (_calls.Count == 0)
            throw Refuse("the function did not call the model. Call it with model.call(x), not model.forward(x)");
        if (_calls.FirstOrDefault(examples => examples != positions.Length, positions.Length) is var wrong && wrong != positions.Length)
        {
            throw Refuse(
                $"the model was called with {wrong?.ToString() ?? "an unknown number of"} examples for a microbatch of {positions.Length}. Give it those at the " +
                "positions that the function is given, and no others: x.index_select(0, positions)");
        }
        value.backward();
    }

    private static Tensor SquaredNorm(Tensor gradient)
    {
        var doubles = gradient.to(ScalarType.Float64);
        return doubles.mul(doubles).sum();
    }

    private static InvalidOperationException Refuse(string reason) =>
        new($"No private step was taken, and nothing was changed: {reason}.");
}
