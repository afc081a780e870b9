using static TorchSharp.torch;

namespace DpSgd.PerExampleGradients;

/// <summary>
/// How to get the gradient of a layer's parameters for each example from what went into the layer and the gradient of what
/// came out. One subclass a kind of layer; derive your own from <see cref="LayerRule{TLayer}"/>.
/// </summary>
public abstract class LayerRule
{
    private protected LayerRule()
    {
    }

    /// <summary>The exact type of layer that the rule is for: a subclass may compute something else.</summary>
    public abstract Type LayerType { get; }

    /// <summary>The per-example gradient of one parameter, from one use of the layer.</summary>
    /// <param name="parameter">Name of the parameter within the layer.</param>
    /// <param name="use">The use: the layer, what went in, and the gradient of what came out.</param>
    /// <param name="workspace">Memory for intermediate results.</param>
    internal abstract PerExampleGradient GradientOf(string parameter, LayerUse use, Workspace workspace);

    /// <summary>The smallest number of dimensions that a batched input of the layer has.</summary>
    internal abstract int BatchedDimensions(nn.Module layer);

    /// <summary>Why this layer cannot be trained privately although it is of the right type, and what to do instead; null if it can.</summary>
    internal virtual (string Reason, string Instead)? WhyNot(nn.Module layer) => null;

    /// <summary>Whether the gradients are made as the tensors that they are, so that it may as well be done as soon as they can be.</summary>
    internal virtual bool WritesOut => false;

    /// <summary>Why what went in cannot be a row for each example although it has as many rows, to be read after the layer's name; null if it can.</summary>
    internal virtual string? WhyNotExamples(LayerUse use) => null;

    /// <summary>How many of the layer's inputs, the first ones, are not changed after the call. The layer itself fills the others.</summary>
    internal virtual int FixedInputs => int.MaxValue;
}
