using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch.nn;

namespace MnistCnn.Model;

/// <summary>
/// The convolutional network of TensorFlow Privacy's tutorial: 26,010 parameters, and no layer that mixes the examples of a
/// batch, so that each example has a gradient of its own.
/// </summary>
public static class TutorialModel
{
    /// <summary>Builds the model, which maps images [B, 1, 28, 28] to logits [B, 10].</summary>
    /// <param name="seed">Decides the initial weights, and nothing else.</param>
    public static Sequential Create(long seed)
    {
        var model = Sequential(
            ("conv1", Conv2d(1, 16, 8, stride: 2, padding: 3)),   // 14 x 14: what Keras calls "same" pads 6 in all
            ("relu1", ReLU()),
            ("pool1", MaxPool2d(2, stride: 1)),                   // 13 x 13
            ("conv2", Conv2d(16, 32, 4, stride: 2)),              // 5 x 5
            ("relu2", ReLU()),
            ("pool2", MaxPool2d(2, stride: 1)),                   // 4 x 4
            ("flatten", Flatten()),
            ("dense1", Linear(32 * 4 * 4, 32)),
            ("relu3", ReLU()),
            ("dense2", Linear(32, 10)));
        KerasInitialization.Apply(model, seed);
        return model;
    }
}
