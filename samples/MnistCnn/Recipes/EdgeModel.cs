using MnistCnn.Model;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch.nn;

namespace MnistCnn.Recipes;

/// <summary>
/// What the best recipe trains on top of <see cref="OrientedEdges"/>: a convolution of their maps, tanh (which keeps
/// activations, and so gradients, bounded: Papernot et al., "Tempered Sigmoid Activations", 2021) and a linear layer; 14,954
/// parameters.
/// </summary>
public static class EdgeModel
{
    private const int Channels = 32;
    private const int Window = 3;
    private const int Side = OrientedEdges.Side - Window + 1;

    /// <summary>Builds the model, which maps the maps of edges [B, 24, 7, 7] to logits [B, 10].</summary>
    /// <param name="seed">Decides the initial weights of the convolution; the linear layer begins with zeros.</param>
    public static Sequential Create(long seed)
    {
        var output = Linear(Channels * Side * Side, 10);
        var model = Sequential(
            ("conv", Conv2d(OrientedEdges.Maps, Channels, Window)),
            ("tanh", Tanh()),
            ("flatten", Flatten()),
            ("output", output));
        KerasInitialization.Apply(model, seed);
        init.zeros_(output.weight);   // no class is preferred, and the first steps are all signal
        return model;
    }
}
