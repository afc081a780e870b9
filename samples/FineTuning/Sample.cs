using System.CommandLine;
using DpSgd;
using MnistCnn.Data;
using Samples;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;
using Network = TorchSharp.Modules.Sequential;
using Parameter = TorchSharp.Modules.Parameter;

namespace FineTuning;

/// <summary>Learns to see on public digits, and then five other digits on few private ones.</summary>
internal static class Sample
{
    private const int BatchSize = 400;
    private const double L2NormClip = 1;
    private const double LearningRate = 0.05;
    private const double Momentum = 0.9;

    private const int PublicEpochs = 3;
    private const int PublicBatchSize = 128;
    private const double PublicLearningRate = 1e-3;

    private static readonly Option<bool> FromScratch = new("--from-scratch")
    {
        Description = "Train all layers on the private images, with nothing learned before, to compare.",
    };

    private static readonly SampleCommand Command = new(
        "Trains a network without privacy on public images, freezes its convolutions, and trains the rest privately on others.",
        new(Epochs: 10, Epsilon: 1),
        (options, parsed) => Run(options, parsed.GetValue(FromScratch), parsed.InvocationConfiguration.Output)) { FromScratch };

    public static int Invoke(string[] arguments, TextWriter? output = null, TextWriter? error = null) =>
        Command.Invoke(arguments, output, error);

    private static void Run(TrainingOptions options, bool fromScratch, TextWriter output)
    {
        using var scope = NewDisposeScope();
        using var mnist = MnistData.LoadBundled();
        var features = DigitNetwork.Features();
        if (!fromScratch)
        {
            Pretrain(features, mnist, output);
            Freeze(features);
        }

        var (images, labels) = Digits.Private(mnist.Train);
        using var model = Sequential(("features", features), ("head", DigitNetwork.Head()));
        using var loader = new PoissonDataLoader(images, labels, BatchSize);
        var trained = model.parameters().Where(parameter => parameter.requires_grad).ToList();
        output.WriteLine($"{labels.shape[0]} private images, {Count(trained)} trained parameters of {Count(model.parameters())}.");
        var sgd = optim.SGD(trained, LearningRate, momentum: Momentum);
        Training.Run(options, model, sgd, L2NormClip, loader, Digits.Private(mnist.Test), output);
    }

    /// <summary>Ordinary training: these images are public, so it costs nothing.</summary>
    private static void Pretrain(Network features, MnistData mnist, TextWriter output)
    {
        var (images, labels) = Digits.Public(mnist.Train);
        using var head = DigitNetwork.Head();   // for the public digits; it is thrown away
        var model = Sequential(("features", features), ("head", head));   // not disposed: the features live on
        using var loader = new PoissonDataLoader(images, labels, PublicBatchSize);
        using var adam = optim.Adam(model.parameters(), PublicLearningRate);
        for (var epoch = 1; epoch <= PublicEpochs; epoch++)
            Training.TrainEpoch(model, adam, loader);
        output.WriteLine($"{labels.shape[0]} public images: test accuracy {Training.Accuracy(model, Digits.Public(mnist.Test)):F3} on their digits.");
    }

    /// <summary>
    /// A frozen layer gets no gradient, so nothing of it is clipped and no noise goes into it. It must be frozen before the
    /// optimizer is made.
    /// </summary>
    private static void Freeze(Network layers)
    {
        foreach (var parameter in layers.parameters())
            parameter.requires_grad = false;
    }

    private static long Count(IEnumerable<Parameter> parameters) => parameters.Sum(parameter => parameter.numel());
}
