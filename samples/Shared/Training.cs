using DpSgd;
using DpSgd.Accounting;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn.functional;

namespace Samples;

/// <summary>Trains a classifier and tests it after each epoch. Whether training is private is up to the optimizer.</summary>
internal static class Training
{
    private const double Delta = 1e-5;   // below one over the number of examples in each of the samples

    /// <summary>Trains as the options say, and prints what came of it.</summary>
    /// <param name="options">For how long, and at what price.</param>
    /// <param name="model">Maps examples to logits.</param>
    /// <param name="inner">Any optimizer of the parameters that are to be trained. It is disposed in the end.</param>
    /// <param name="l2NormClip">The norm to which the gradient of each example is clipped.</param>
    /// <param name="loader">The private data.</param>
    /// <param name="test">What to test with, taken to be public.</param>
    /// <param name="output">For what there is to say.</param>
    public static void Run(
        TrainingOptions options, nn.Module<Tensor, Tensor> model, OptimizerHelper inner, double l2NormClip, PoissonDataLoader loader,
        (Tensor Examples, Tensor Labels) test, TextWriter output)
    {
        using var optimizer = options.IsPrivate ? MakePrivate(options, model, inner, l2NormClip, loader) : inner;
        var schedule = optim.lr_scheduler.CosineAnnealingLR(optimizer, options.Epochs);
        for (var epoch = 1; epoch <= options.Epochs; epoch++)
        {
            TrainEpoch(model, optimizer, loader);
            schedule.step();
            var spent = (optimizer as DPOptimizer)?.GetEpsilon(Delta) is { } epsilon ? $", epsilon {epsilon:F3}" : "";
            output.WriteLine($"epoch {epoch}/{options.Epochs}: test accuracy {Accuracy(model, test):F3}{spent}");
        }
        output.WriteLine();
        output.WriteLine((optimizer as DPOptimizer)?.Guarantee(Delta).Statement ?? "Trained without privacy: there is no guarantee.");
    }

    /// <summary>One pass over the data.</summary>
    /// <param name="model">Maps examples to logits.</param>
    /// <param name="optimizer">An ordinary one, or a <see cref="DPOptimizer"/>.</param>
    /// <param name="loader">The data.</param>
    public static void TrainEpoch(nn.Module<Tensor, Tensor> model, OptimizerHelper optimizer, PoissonDataLoader loader)
    {
        foreach (var (examples, labels) in loader)
        {
            if (examples.shape[0] == 0 && optimizer is not DPOptimizer)
                continue;   // ordinary training has nothing to learn here; a private step adds its noise all the same

            using var scope = NewDisposeScope();
            optimizer.zero_grad();
            cross_entropy(model.call(examples), labels).backward();
            optimizer.step();
        }
    }

    /// <summary>The share of examples whose largest logit is at their label.</summary>
    public static double Accuracy(nn.Module<Tensor, Tensor> model, (Tensor Examples, Tensor Labels) test)
    {
        using var noGradient = no_grad();
        using var scope = NewDisposeScope();
        return model.call(test.Examples).argmax(1).eq(test.Labels).to(float64).mean().ToDouble();
    }

    /// <summary>The noise is chosen so that all epochs together just fit into the budget.</summary>
    private static DPOptimizer MakePrivate(
        TrainingOptions options, nn.Module model, OptimizerHelper inner, double l2NormClip, PoissonDataLoader loader)
    {
        var budget = new PrivacyBudget(options.Epsilon, Delta);
        return new DPOptimizer(inner, model, DPOptimizerOptions.ForBudget(
            budget, options.Epochs * loader.Count, l2NormClip, loader.Sampling, accountant: new PldAccountant()));
    }
}
