using static TorchSharp.torch;

namespace DpSgd.PerExampleGradients;

/// <summary>
/// Whether two Tensor objects are handles of one tensor, which TorchSharp does not tell. It shows in that they are frozen
/// together.
/// </summary>
internal static class TensorIdentity
{
    /// <param name="first">A leaf of the autograd graph.</param>
    /// <param name="second">Another.</param>
    public static bool AreOne(Tensor first, Tensor second)
    {
        bool was = first.requires_grad, secondWas = second.requires_grad;
        first.requires_grad = !was;
        var together = second.requires_grad != secondWas;
        first.requires_grad = was;
        return together;
    }
}
