using TorchSharp;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace DpSgd.Tests.TestKit;

/// <summary>Models as people write them, small, none of which can be trained privately as it is.</summary>
internal static class Architectures
{
    /// <param name="Make">Makes the model.</param>
    /// <param name="Inputs">Makes a batch of inputs of a size and type.</param>
    /// <param name="Label">The class of each of some inputs, one of three: something that can be learned.</param>
    public sealed record Architecture(
        Func<Module<Tensor, Tensor>> Make, Func<long, ScalarType, Tensor> Inputs, Func<Tensor, Tensor> Label);

    public static IReadOnlyDictionary<string, Architecture> All { get; } = new Dictionary<string, Architecture>
    {
        ["ResNet"] = new(() => new ResNet(), Images, Brightest),
        ["VGG with batch normalisation"] = new(Vgg, Images, Brightest),
        ["U-Net"] = new(() => new UNet(), Images, Brightest),
        ["LSTM classifier"] = new(() => new LstmClassifier(), Tokens, Commonest),
        ["Transformer classifier"] = new(() => new TransformerClassifier(), Tokens, Commonest),
        ["bag of words with batch normalisation"] = new(() => new BagOfWords(), Tokens, Commonest),
    };

    private static Tensor Images(long batch, ScalarType type) =>
        randn([batch, 3, 8, 8], dtype: type) + 2 * functional.one_hot(randint(3, [batch]), 3).to(type).view(-1, 3, 1, 1);

    private static Tensor Brightest(Tensor images) => images.mean([2, 3]).argmax(1);

    private static Tensor Tokens(long batch, ScalarType type) =>
        where(rand(batch, 6) < 0.6, randint(3, [batch, 1]), randint(10, [batch, 6]));

    private static Tensor Commonest(Tensor tokens) =>
        stack(new long[] { 0, 1, 2 }.Select(token => tokens.eq(token).sum(dim: 1L)), 1).argmax(1);

    private static Module<Tensor, Tensor> Vgg() => Sequential(
        ("features", Sequential(
            Conv2d(3, 8, 3, padding: 1), BatchNorm2d(8), ReLU(inplace: true), MaxPool2d(2),
            Conv2d(8, 16, 3, padding: 1), BatchNorm2d(16), ReLU(inplace: true), MaxPool2d(2))),
        ("flatten", Flatten()),
        ("classifier", Sequential(Linear(64, 16), ReLU(inplace: true), Dropout(0, inplace: true), Linear(16, 3))));

    /// <summary>Two convolutions around which the input is added (He et al., "Deep Residual Learning", 2015).</summary>
    internal sealed class BasicBlock : Module<Tensor, Tensor>
    {
        private readonly Module<Tensor, Tensor> _conv1;
        private readonly Module<Tensor, Tensor> _bn1;
        private readonly Module<Tensor, Tensor> _conv2;
        private readonly Module<Tensor, Tensor> _bn2;
        private readonly Module<Tensor, Tensor> _relu = ReLU(inplace: true);
        private readonly Module<Tensor, Tensor>? _downsample;

        public BasicBlock(long from, long to, long stride)
            : base(nameof(BasicBlock))
        {
            _conv1 = Conv2d(from, to, 3, stride: stride, padding: 1, bias: false);
            _bn1 = BatchNorm2d(to);
            _conv2 = Conv2d(to, to, 3, padding: 1, bias: false);
            _bn2 = BatchNorm2d(to);
            if (stride != 1 || from != to)
                _downsample = Sequential(Conv2d(from, to, 1, stride: stride, bias: false), BatchNorm2d(to));
            RegisterComponents();
        }

        public override Tensor forward(Tensor input)
        {
            var x = _relu.call(_bn1.call(_conv1.call(input)));
            x = _bn2.call(_conv2.call(x));
            return _relu.call(x + (_downsample?.call(input) ?? input));
        }
    }

    internal sealed class ResNet : Module<Tensor, Tensor>
    {
        private readonly Module<Tensor, Tensor> _stem = Sequential(("conv", Conv2d(3, 8, 3, padding: 1, bias: false)), ("norm", BatchNorm2d(8)), ("relu", ReLU(inplace: true)));
        private readonly Module<Tensor, Tensor> _layers = Sequential(
            Sequential(new BasicBlock(8, 8, 1), new BasicBlock(8, 8, 1)), Sequential(new BasicBlock(8, 16, 2), new BasicBlock(16, 16, 1)));
        private readonly Module<Tensor, Tensor> _head = Linear(16, 3);

        public ResNet()
            : base(nameof(ResNet)) => RegisterComponents();

        public override Tensor forward(Tensor input) => _head.call(_layers.call(_stem.call(input)).mean([2, 3]));
    }

    internal sealed class UNet : Module<Tensor, Tensor>
    {
        private readonly Module<Tensor, Tensor> _down = Sequential(Conv2d(3, 8, 3, padding: 1), BatchNorm2d(8), LeakyReLU(0.1, inplace: true));
        private readonly Module<Tensor, Tensor> _bottom = Sequential(MaxPool2d(2), Conv2d(8, 8, 3, padding: 1), BatchNorm2d(8), LeakyReLU(0.1, inplace: true));
        private readonly Module<Tensor, Tensor> _up = Sequential(ConvTranspose2d(8, 8, 2, stride: 2), InstanceNorm2d(8, affine: true, track_running_stats: true));
        private readonly Module<Tensor, Tensor> _out = Conv2d(16, 3, 1);

        public UNet()
            : base(nameof(UNet)) => RegisterComponents();

        public override Tensor forward(Tensor input)
        {
            var across = _down.call(input);
            return _out.call(cat([across, _up.call(_bottom.call(across))], 1)).mean([2, 3]);
        }
    }

    internal sealed class LstmClassifier : Module<Tensor, Tensor>
    {
        private readonly Module<Tensor, Tensor> _tokens = Embedding(10, 8, max_norm: 2);
        private readonly IModule<Tensor, (Tensor, Tensor)?, (Tensor, Tensor, Tensor)> _lstm = LSTM(8, 12, batchFirst: true);
        private readonly Module<Tensor, Tensor> _out = Linear(12, 3);

        public LstmClassifier()
            : base(nameof(LstmClassifier)) => RegisterComponents();

        public override Tensor forward(Tensor input) => _out.call(_lstm.call(_tokens.call(input), null).Item1.mean([1]));
    }

    internal sealed class TransformerClassifier : Module<Tensor, Tensor>
    {
        private readonly Module<Tensor, Tensor> _tokens = Embedding(10, 8);
        private readonly IModule<Tensor, Tensor> _encoder = TransformerEncoder(TransformerEncoderLayer(8, 2, 16, dropout: 0), 2);
        private readonly Module<Tensor, Tensor> _out = Linear(8, 3);

        public TransformerClassifier()
            : base(nameof(TransformerClassifier)) => RegisterComponents();

        public override Tensor forward(Tensor input) => _out.call(_encoder.call(_tokens.call(input).transpose(0, 1)).mean([0]));
    }

    internal sealed class BagOfWords : Module<Tensor, Tensor>
    {
        private readonly TorchSharp.Modules.EmbeddingBag _tokens = EmbeddingBag(10, 16, max_norm: 3);
        private readonly Module<Tensor, Tensor> _rest = Sequential(BatchNorm1d(16), Linear(16, 32), BatchNorm1d(32), ReLU(inplace: true), Linear(32, 3));

        public BagOfWords()
            : base(nameof(BagOfWords)) => RegisterComponents();

        public override Tensor forward(Tensor input) => _rest.call(_tokens.call(input));
    }
}
