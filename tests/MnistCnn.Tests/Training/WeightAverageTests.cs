using MnistCnn.Training;
using TorchSharp;
using static TorchSharp.torch;

namespace MnistCnn.Tests.Training;

public class WeightAverageTests
{
    [Fact]
    public void It_is_the_mean_of_what_was_added_and_leaves_the_model_as_it_was()
    {
        using var scope = NewDisposeScope();
        var model = nn.Linear(1, 1, hasBias: false);
        using var average = new WeightAverage(model);
        void Add(double weight)
        {
            using (no_grad())
                model.weight.fill_(weight);
            average.Add();
        }

        Add(100);
        average.Restart();
        foreach (var weight in new[] { 1.0, 2, 6 })
            Add(weight);

        average.With(() => model.weight.item<float>()).Should().BeApproximately(3, 1e-6f);
        model.weight.item<float>().Should().Be(6);
    }
}
