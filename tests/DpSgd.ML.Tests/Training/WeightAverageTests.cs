using DpSgd.ML.Training;
using TorchSharp;
using static TorchSharp.torch;

namespace DpSgd.ML.Tests.Training;

public class WeightAverageTests
{
    [Fact]
    public void It_is_the_mean_of_what_was_added()
    {
        using var weights = new TorchSharp.Modules.Parameter(tensor([1f, 10f]));
        using var average = new WeightAverage([weights]);
        average.Add();
        using (no_grad())
            weights.add_(3);
        average.Add();
        using (no_grad())
            weights.add_(1);
        average.Add();
        average.Apply();
        weights.data<float>().ToArray().Should().Equal((1 + 4 + 5) / 3f, (10 + 13 + 14) / 3f);
    }
}
