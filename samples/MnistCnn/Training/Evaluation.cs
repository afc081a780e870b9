using MnistCnn.Data;
using TorchSharp;
using static TorchSharp.torch;

namespace MnistCnn.Training;

/// <summary>Tests a model.</summary>
public static class Evaluation
{
    private const int BatchSize = 1000;   // bounds the memory for the layers' outputs

    /// <summary>The share of examples whose largest logit is at their label.</summary>
    /// <param name="model">The model.</param>
    /// <param name="examples">What to test it with.</param>
    public static double Accuracy(nn.Module<Tensor, Tensor> model, Examples examples)
    {
        using var noGradient = no_grad();
        var correct = 0L;
        for (var start = 0; start < examples.Count; start += BatchSize)
        {
            using var scope = NewDisposeScope();
            var length = Math.Min(BatchSize, examples.Count - start);
            var logits = model.call(examples.Images.narrow(0, start, length));
            correct += CountCorrect(logits, examples.Labels.narrow(0, start, length));
        }
        return (double)correct / examples.Count;
    }

    /// <summary>How many of a batch's largest logits are at their labels.</summary>
    /// <param name="logits">[B, classes], or [B, classes, K], of which the mean over the K answers counts.</param>
    /// <param name="labels">[B].</param>
    public static long CountCorrect(Tensor logits, Tensor labels)
    {
        using var scope = NewDisposeScope();
        return (logits.dim() == 2 ? logits : logits.mean([2])).argmax(1).eq(labels).sum().ToInt64();
    }
}
