using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace DpSgd.Benchmarks.Overhead;

/// <summary>A model to train, and a batch to train it on.</summary>
/// <param name="Name">Name on the command line and in the table.</param>
/// <param name="BatchSize">Number of examples in a batch.</param>
/// <param name="Goal">What private over ordinary should be at most.</param>
/// <param name="MakeModel">Makes the model.</param>
/// <param name="MakeBatch">Makes a batch of inputs of the given size. Labels are one of ten classes.</param>
internal sealed record Workload(
    string Name, int BatchSize, double Goal, Func<Module<Tensor, Tensor>> MakeModel, Func<int, Tensor> MakeBatch)
{
    public static IReadOnlyList<Workload> All { get; } =
    [
        new("cnn", 250, 1.10, TutorialCnn, size => rand(size, 1, 28, 28)),
        new("mlp", 256, 1.20, Mlp, size => rand(size, 784)),
        new("vgg", 64, 1.40, Vgg, size => rand(size, 3, 32, 32)),
        new("transformer", 32, 1.30, () => new TransformerClassifier(), size => randint(Vocabulary, [size, 128])),
        new("lstm", 64, 1.30, () => new LstmClassifier(), size => randint(Vocabulary, [size, 64])),
    ];

    private const long Vocabulary = 10_000;

    /// <summary>The network of TensorFlow Privacy's MNIST tutorial.</summary>
    private static Sequential TutorialCnn() => Sequential(
        Conv2d(1, 16, 8, stride: 2, padding: 3), ReLU(), MaxPool2d(2, 1),
        Conv2d(16, 32, 4, stride: 2), ReLU(), MaxPool2d(2, 1),
        Flatten(), Linear(512, 32), ReLU(), Linear(32, 10));

    private static Sequential Mlp() =>
        Sequential(Linear(784, 2048), ReLU(), Linear(2048, 2048), ReLU(), Linear(2048, 10));

    /// <summary>3x3 convolutions with 32, 32, 64, 64, 128, 128 channels, halved after each pair, and a dense layer of 128.</summary>
    private static Sequential Vgg()
    {
        var layers = new List<Module<Tensor, Tensor>>();
        long channels = 3;
        foreach (var width in new[] { 32, 64, 128 })
        {
            layers.AddRange([Conv2d(channels, width, 3, padding: 1), ReLU(), Conv2d(width, width, 3, padding: 1), ReLU(), MaxPool2d(2)]);
            channels = width;
        }
        return Sequential([.. layers, Flatten(), Linear(128 * 4 * 4, 128), ReLU(), Linear(128, 10)]);
    }

    /// <summary>Two layers of width 128 with 4 heads, on 128 tokens with their positions.</summary>
    private sealed class TransformerClassifier : Module<Tensor, Tensor>
    {
        private readonly Module<Tensor, Tensor> _tokens = Embedding(Vocabulary, 128);
        private readonly Module<Tensor, Tensor> _places = Embedding(128, 128);
        private readonly DPTransformerEncoder _encoder = new(new DPTransformerEncoderLayer(128, 4, 512, batchFirst: true), 2);
        private readonly Module<Tensor, Tensor> _out = Linear(128, 10);

        public TransformerClassifier()
            : base(nameof(TransformerClassifier)) => RegisterComponents();

        public override Tensor forward(Tensor input)
        {
            using var scope = NewDisposeScope();
            var places = arange(input.shape[1]).expand(input.shape);
            return _out.call(_encoder.call(_tokens.call(input) + _places.call(places)).mean([1])).MoveToOuterDisposeScope();
        }
    }

    /// <summary>A bidirectional layer of width 128 on 64 tokens of width 64.</summary>
    private sealed class LstmClassifier : Module<Tensor, Tensor>
    {
        private readonly Module<Tensor, Tensor> _tokens = Embedding(Vocabulary, 64);
        private readonly DPLSTM _lstm = new(64, 128, batchFirst: true, bidirectional: true);
        private readonly Module<Tensor, Tensor> _out = Linear(256, 10);

        public LstmClassifier()
            : base(nameof(LstmClassifier)) => RegisterComponents();

        public override Tensor forward(Tensor input)
        {
            using var scope = NewDisposeScope();
            return _out.call(_lstm.call(_tokens.call(input)).Output.mean([1])).MoveToOuterDisposeScope();
        }
    }
}
