using TorchSharp.Modules;
using static TorchSharp.torch.nn;

namespace FineTuning;

/// <summary>A small convolutional network in two parts.</summary>
internal static class DigitNetwork
{
    private const int Width = 32 * 7 * 7;

    /// <summary>What is learned on public images and then frozen: images [B, 1, 28, 28] to features [B, 1568].</summary>
    public static Sequential Features() => Sequential(
        ("conv1", Conv2d(1, 16, 5, stride: 2, padding: 2)),    // 14 x 14
        ("relu1", ReLU()),
        ("conv2", Conv2d(16, 32, 5, stride: 2, padding: 2)),   // 7 x 7
        ("relu2", ReLU()),
        ("flatten", Flatten()),
        ("norm", LayerNorm(Width, elementwise_affine: false)));   // each example's features get the same norm, and so similar gradients

    /// <summary>What is learned for each task: features to logits [B, classes].</summary>
    public static Linear Head() => Linear(Width, Digits.Classes);
}
