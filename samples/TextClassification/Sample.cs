using DpSgd;
using Samples;
using static TorchSharp.torch;

namespace TextClassification;

/// <summary>In which language is a short text?</summary>
internal static class Sample
{
    private const int BatchSize = 1024;
    private const double L2NormClip = 1;
    private const double LearningRate = 0.03;

    private static readonly SampleCommand Command = new(
        "Trains an LSTM to tell in which language a short text is, with differential privacy.",
        new(Epochs: 12, Epsilon: 3),
        (options, parsed) => Run(options, parsed.InvocationConfiguration.Output));

    public static int Invoke(string[] arguments, TextWriter? output = null, TextWriter? error = null) =>
        Command.Invoke(arguments, output, error);

    private static void Run(TrainingOptions options, TextWriter output)
    {
        var (train, test) = SymbolTexts.Read();
        using var scope = NewDisposeScope();
        var (texts, languages) = Tensors(train);
        output.WriteLine($"{train.Count} texts to train with, {test.Count} to test with, {SymbolTexts.Languages.Count} languages.");

        using var model = new LanguageClassifier(SymbolTexts.Languages.Count);
        using var loader = new PoissonDataLoader(texts, languages, BatchSize);
        Training.Run(options, model, optim.Adam(model.parameters(), LearningRate), L2NormClip, loader, Tensors(test), output);
    }

    private static (Tensor Texts, Tensor Languages) Tensors(IReadOnlyList<LabelledText> texts) =>
        (ByteTokens.Of([.. texts.Select(text => text.Text)]), tensor(texts.Select(text => text.Language).ToArray()));
}
