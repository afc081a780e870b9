using MnistCnn.Training;
using static TorchSharp.torch;

namespace MnistCnn.Tests.Training;

public class EvaluationTests
{
    [Fact]
    public void The_largest_logit_counts()
    {
        using var scope = NewDisposeScope();
        Evaluation.CountCorrect(tensor(new[,] { { 0f, 1f }, { 2f, 1f }, { 0f, 3f } }), tensor(new[] { 1L, 0L, 0L })).Should().Be(2);
    }

    [Fact]
    public void Of_several_answers_the_mean_counts()
    {
        using var scope = NewDisposeScope();
        var logits = tensor(new[] { 0f, 0f, 5f, 1f, 1f, 1f }).reshape(1, 2, 3);   // the first class by its mean, the second by most answers
        Evaluation.CountCorrect(logits, tensor(new[] { 0L })).Should().Be(1);
        Evaluation.CountCorrect(logits, tensor(new[] { 1L })).Should().Be(0);
    }
}
