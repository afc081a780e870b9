using MnistCnn.Data;
using static TorchSharp.torch;

namespace FineTuning;

/// <summary>Which images of MNIST are public here, and which are private.</summary>
internal static class Digits
{
    /// <summary>Classes of each of the two halves: 0 to 4 are public, 5 to 9 private.</summary>
    public const int Classes = 5;

    private const int FirstPrivate = 5;
    private const int PrivateImages = 2000;

    /// <summary>The public images: all zeros to fours, labelled 0 to 4.</summary>
    public static (Tensor Images, Tensor Labels) Public(Examples examples) => Select(examples, first: 0);

    /// <summary>Images of fives to nines, labelled 0 to 4: the first 2,000 to train with.</summary>
    public static (Tensor Images, Tensor Labels) Private(Examples examples)
    {
        var (images, labels) = Select(examples, FirstPrivate);
        var count = Math.Min(PrivateImages, labels.shape[0]);
        return (images.narrow(0, 0, count), labels.narrow(0, 0, count));
    }

    private static (Tensor Images, Tensor Labels) Select(Examples examples, int first)
    {
        var labels = examples.Labels - first;
        var chosen = labels.ge(0).logical_and(labels.lt(Classes));
        return (examples.Images[chosen], labels[chosen]);
    }
}
