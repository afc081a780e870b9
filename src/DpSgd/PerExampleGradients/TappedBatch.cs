using DpSgd.Clipping;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace DpSgd.PerExampleGradients;

/// <summary>What the tap caught of one forward and backward pass: the per-example gradients of all parameters.</summary>
internal sealed class TappedBatch
{
    private readonly IReadOnlyList<(Parameter Parameter, PerExampleGradient Gradient)> _gradients;

    private TappedBatch(long size, IReadOnlyList<(Parameter, PerExampleGradient)> gradients)
    {
        Size = size;
        _gradients = gradients;
    }

    /// <summary>Number of examples.</summary>
    public long Size { get; }

    /// <summary>Applies the layer rules to the uses of one pass.</summary>
    /// <param name="size">Number of examples.</param>
    /// <param name="uses">The uses that the loss depends on.</param>
    /// <param name="workspace">Memory for intermediate results.</param>
    public static TappedBatch From(long size, IEnumerable<LayerUse> uses, Workspace workspace)
    {
        if (size == 0)
            return new(0, []);
        var byParameter = new Dictionary<IntPtr, (Parameter Parameter, List<PerExampleGradient> Gradients)>();
        foreach (var use in uses)
        {
            use.Widen();
            // A parameter of no values has no gradient, and shapes with a zero in them are ambiguous.
            foreach (var (name, parameter) in use.Parameters.Where(p => p.Parameter.numel() > 0))
            {
                if (!byParameter.TryGetValue(parameter.Handle, out var entry))
                    byParameter[parameter.Handle] = entry = (parameter, []);
                entry.Gradients.Add(use.GradientOf(name, workspace));
            }
        }
        return new(size, byParameter.Values.Select(entry => (entry.Parameter, GradientSum.Of(entry.Gradients, workspace))).ToList());
    }

    /// <summary>l2 norm of each microbatch's gradient, all parameters together: [M].</summary>
    /// <param name="microbatches">The partition of this batch.</param>
    /// <param name="device">Where the result goes when there is no gradient at all.</param>
    public Tensor Norms(Microbatches microbatches, Device device)
    {
        var squared = zeros(microbatches.Count, dtype: ScalarType.Float64, device: device);
        foreach (var (_, gradient) in _gradients)
            squared.Increase(gradient.SquaredNorms(microbatches));
        return squared.sqrt_();
    }

    /// <summary>Adds the sum over examples of weight times gradient to each parameter's part of <paramref name="total"/>.</summary>
    public void AddWeightedSum(Tensor weights, FlatGradient total)
    {
        foreach (var (parameter, gradient) in _gradients)
        {
            using var scope = NewDisposeScope();
            var part = total.Of(parameter);
            gradient.AddWeightedSum(weights.to(part.dtype), part);
        }
    }

    /// <summary>The same batch with the gradients of some examples zero, even where they are NaN or infinite.</summary>
    /// <param name="drop">True for the examples to make zero: [B].</param>
    public TappedBatch Without(Tensor drop) =>
        new(Size, _gradients.Select(g => (g.Parameter, g.Gradient.Without(drop))).ToList());
}
