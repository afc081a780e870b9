using DpSgd.Accounting;
using TorchSharp;
using static TorchSharp.torch;

namespace DpSgd.Layers.Recurrent;

/// <summary>What is common to making a recurrent layer of TorchSharp's and giving one back.</summary>
internal static class RecurrentConversion
{
    /// <summary>Reads the sizes from the named parameters, and batch first from the shape of the final state.</summary>
    /// <param name="theirs">TorchSharp's layer.</param>
    /// <param name="dropout">Goes into the result.</param>
    /// <param name="finalState">Runs the layer and returns the hidden state after the last step.</param>
    public static RecurrentShape ShapeOf(nn.Module theirs, double? dropout, Func<Tensor, Tensor> finalState)
    {
        var weights = theirs.named_parameters().ToDictionary(p => p.name, p => p.parameter);
        var input = weights["weight_ih_l0"];
        using var noGradient = no_grad();
        using var scope = NewDisposeScope();
        var final = finalState(zeros([2, 3, input.shape[1]], dtype: input.dtype, device: input.device));
        return new RecurrentShape(
            input.shape[1],
            weights["weight_hh_l0"].shape[1],
            Enumerable.Range(0, int.MaxValue).First(layer => !weights.ContainsKey($"weight_ih_l{layer}")),
            weights.ContainsKey("bias_ih_l0"),
            BatchFirst: final.shape[1] == 2,
            Dropout: Guard.Probability(dropout ?? 0, nameof(dropout)),
            weights.ContainsKey("weight_ih_l0_reverse"));
    }

    /// <summary>Gives our layer the weights, type, device and mode of TorchSharp's, and finds what is missing.</summary>
    /// <exception cref="ArgumentException">The dropout is another, or cannot be found. Our layer is disposed.</exception>
    public static void Fill<TTheirs, TOurs>(
        TTheirs theirs,
        TOurs ours,
        RecurrentNetwork network,
        double? dropout,
        Func<TTheirs, Tensor, IReadOnlyList<Tensor>> runTheirs,
        Func<TOurs, Tensor, IReadOnlyList<Tensor>> runOurs,
        params RecurrentCell[] others)
        where TTheirs : nn.Module
        where TOurs : nn.Module
    {
        try
        {
            using var scope = NewDisposeScope();
            var like = theirs.parameters().First();
            ours.to(like.dtype).to(like.device);
            var twins = Pair(theirs, ours, network, runTheirs, runOurs);
            twins.CopyToOurs();
            twins.FindOption(others.Prepend(network.Cell).ToList(), cell => network.Cell = cell, "nonLinearity");
            if (network.Shape.NumLayers > 1)
                twins.FindDropout(dropout, value => network.Shape = network.Shape with { Dropout = value });
        }
        catch
        {
            ours.Dispose();
            throw;
        }
    }

    /// <summary>Copies our layer's weights into TorchSharp's.</summary>
    /// <exception cref="ArgumentException">It has other options; it is left as it was.</exception>
    public static void GiveBack<TTheirs, TOurs>(
        TTheirs theirs,
        TOurs ours,
        RecurrentNetwork network,
        Func<TTheirs, Tensor, IReadOnlyList<Tensor>> runTheirs,
        Func<TOurs, Tensor, IReadOnlyList<Tensor>> runOurs)
        where TTheirs : nn.Module
        where TOurs : nn.Module
    {
        using var scope = NewDisposeScope();
        var twins = Pair(Guard.NotNull(theirs), ours, network, runTheirs, runOurs);
        twins.CopyToTheirs(() =>
        {
            twins.RequireAgreement();
            if (network.Shape.NumLayers > 1)
                twins.FindDropout(network.Shape.Dropout, _ => { });
        });
    }

    private static Twins Pair<TTheirs, TOurs>(
        TTheirs theirs,
        TOurs ours,
        RecurrentNetwork network,
        Func<TTheirs, Tensor, IReadOnlyList<Tensor>> runTheirs,
        Func<TOurs, Tensor, IReadOnlyList<Tensor>> runOurs)
        where TTheirs : nn.Module
        where TOurs : nn.Module
    {
        var remaining = theirs.named_parameters().ToDictionary(p => p.name, p => p.parameter);
        var pairs = new List<WeightPair>();
        foreach (var (layer, map) in network.Maps)
        {
            foreach (var (name, parameter) in map.named_parameters())
            {
                if (!remaining.Remove($"{name}_{layer}", out var other) || !other.shape.SequenceEqual(parameter.shape))
                    throw Twins.Different(theirs, "layer");
                pairs.Add(new(other, parameter, other.requires_grad));
            }
        }
        if (remaining.Count > 0)
            throw Twins.Different(theirs, "layer");
        var input = SomeInput(network.Shape, pairs[0].Ours);
        return new Twins(theirs, ours, pairs, () => runTheirs(theirs, input), () => runOurs(ours, input));
    }

    /// <summary>A random sequence of a few steps for one example.</summary>
    private static Tensor SomeInput(RecurrentShape shape, Tensor like)
    {
        using var generator = new Generator(1);
        long[] size = shape.BatchFirst ? [1, 4, shape.InputSize] : [4, 1, shape.InputSize];
        return randn(size, generator: generator).to(like.dtype).to(like.device);
    }
}
