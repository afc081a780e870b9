using TorchSharp;
using static TorchSharp.torch;

namespace DpSgd.Tests.TestKit;

internal static class TensorAssert
{
    /// <summary>Largest difference relative to the largest expected value, over all tensors together.</summary>
    public static void AreClose(IReadOnlyList<Tensor> actual, IReadOnlyList<Tensor> expected, double relative)
    {
        actual.Should().HaveSameCount(expected);
        using var scope = NewDisposeScope();
        double difference = 0, size = 0;
        for (var i = 0; i < actual.Count; i++)
        {
            actual[i].shape.Should().Equal(expected[i].shape);
            if (actual[i].numel() == 0)
                continue;
            difference = Math.Max(difference, (actual[i] - expected[i]).abs().max().to_type(ScalarType.Float64).ToDouble());
            size = Math.Max(size, expected[i].abs().max().to_type(ScalarType.Float64).ToDouble());
        }
        size.Should().BePositive("a comparison with zero proves nothing");
        (difference / size).Should().BeLessThan(relative);
    }
}
