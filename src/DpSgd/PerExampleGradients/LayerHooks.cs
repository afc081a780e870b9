using TorchSharp;
using static TorchSharp.torch;

namespace DpSgd.PerExampleGradients;

/// <summary>Hooks around the call of a layer from one, two or three tensors to one. TorchSharp has a type of hook for each.</summary>
internal static class LayerHooks
{
    /// <summary>Whether the layer is of one of these kinds.</summary>
    public static bool Fit(nn.Module layer) => layer is
        nn.Module<Tensor, Tensor> or nn.Module<Tensor, Tensor, Tensor> or nn.Module<Tensor, Tensor, Tensor, Tensor>;

    /// <summary>Calls <paramref name="before"/> before each call of the layer, and <paramref name="after"/> with what went in and what came out.</summary>
    /// <param name="layer">The layer.</param>
    /// <param name="before">Called first, with the first of what goes in.</param>
    /// <param name="after">Returns what is to come out instead, or null. Inputs that were left out are null.</param>
    /// <returns>Removes the hooks.</returns>
    public static Action Install(nn.Module layer, Action<Tensor> before, Func<Tensor?[], Tensor, Tensor?> after)
    {
        switch (layer)
        {
            case nn.Module<Tensor, Tensor> one:
                return Both(
                    one.register_forward_pre_hook((_, a) => Nothing<Tensor>(() => before(a))).remove,
                    one.register_forward_hook((_, a, output) => after([a], output)!).remove);
            case nn.Module<Tensor, Tensor, Tensor> two:
                return Both(
                    two.register_forward_pre_hook((_, a, _) => Nothing<(Tensor, Tensor)?>(() => before(a))).remove,
                    two.register_forward_hook((_, a, b, output) => after([a, b], output)!).remove);
            case nn.Module<Tensor, Tensor, Tensor, Tensor> three:
                return Both(
                    three.register_forward_pre_hook((_, a, _, _) => Nothing<(Tensor, Tensor, Tensor)?>(() => before(a))).remove,
                    three.register_forward_hook((_, a, b, c, output) => after([a, b, c], output)!).remove);
            default:
                throw new ArgumentException($"{layer.GetType().Name} is not a layer from one to three tensors to one.", nameof(layer));
        }
    }

    private static Action Both(Action first, Action second) => () =>
    {
        first();
        second();
    };

    /// <summary>A pre-hook that returns nothing leaves the inputs as they are.</summary>
    private static T Nothing<T>(Action action)
    {
        action();
        return default!;
    }
}
