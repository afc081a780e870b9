using DpSgd.PerExampleGradients;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace DpSgd.Tests.TestKit;

/// <summary>A module of a user's own: multiplies each feature with a parameter.</summary>
internal sealed class Scale : nn.Module<Tensor, Tensor>
{
    private readonly Parameter _scale;

    public Scale(long features)
        : base(nameof(Scale))
    {
        _scale = nn.Parameter(linspace(0.5, 2, features));
        RegisterComponents();
    }

    public override Tensor forward(Tensor input) => input * _scale;
}

/// <summary>The rule for it, as the documentation has it.</summary>
internal sealed class ScaleRule : LayerRule<Scale>
{
    protected override Tensor PerExampleGradients(string parameter, Scale layer, IReadOnlyList<Tensor?> inputs, Tensor outputGradient)
    {
        var products = inputs[0]! * outputGradient;
        return products.reshape(products.shape[0], -1, products.shape[^1]).sum(dim: 1L);
    }
}

/// <summary>A rule that is whatever a test makes it.</summary>
internal sealed class RuleFor<TLayer>(Func<IReadOnlyList<Tensor?>, Tensor, Tensor> gradients) : LayerRule<TLayer>
    where TLayer : nn.Module
{
    protected override Tensor PerExampleGradients(string parameter, TLayer layer, IReadOnlyList<Tensor?> inputs, Tensor outputGradient) =>
        gradients(inputs, outputGradient);
}
