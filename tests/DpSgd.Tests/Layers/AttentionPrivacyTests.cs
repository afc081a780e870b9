using DpSgd.Tests.TestKit;
using TorchSharp;
using static TorchSharp.torch;

namespace DpSgd.Tests.Layers;

/// <summary>A private step through attention and Transformer encoders against a loop over single, unpadded examples.</summary>
public class AttentionPrivacyTests
{
    private const int Steps = 6, Size = 8, Heads = 2;

    private static readonly Dictionary<string, Func<nn.Module<Tensor, Tensor, Tensor>>> Models = new()
    {
        ["attention"] = () => new Attending(new DPMultiheadAttention(Size, Heads, batchFirst: true), batchFirst: true),
        ["attention, steps first"] = () => new Attending(new DPMultiheadAttention(Size, Heads), batchFirst: false),
        ["attention with added rows"] = () => new Attending(new DPMultiheadAttention(Size, Heads, 0, true, true, true, Size, 5, true), batchFirst: true, 5),
        ["attention without bias"] = () => new Attending(new DPMultiheadAttention(Size, Heads, bias: false, kdim: 5, vdim: 3, batchFirst: true), batchFirst: true, 3, 5),
        ["layer"] = () => new Encoding(new DPTransformerEncoderLayer(Size, Heads, 10, 0, nn.Activations.GELU, batchFirst: true)),
        ["encoder"] = () => new Encoding(new DPTransformerEncoder(new DPTransformerEncoderLayer(Size, Heads, 10, 0, batchFirst: true), 2)),
    };

    public static TheoryData<string, int, int, ScalarType> Cases()
    {
        var data = new TheoryData<string, int, int, ScalarType>();
        foreach (var model in Models.Keys)
        {
            foreach (var (batch, microbatch) in new[] { (1, 1), (6, 1), (6, 3), (7, 2) })
            {
                data.Add(model, batch, microbatch, ScalarType.Float32);
                data.Add(model, batch, microbatch, ScalarType.Float64);
            }
        }
        return data;
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public void Private_gradient_is_that_of_a_loop(string name, int batch, int microbatch, ScalarType type)
    {
        using var scope = NewDisposeScope();
        random.manual_seed(4);
        var model = Models[name]();
        model.to(type);
        foreach (var bias in model.parameters().Where(p => p.dim() == 1))
            nn.init.uniform_(bias, -0.5, 0.5);
        var parameters = model.parameters().ToList();
        var x = randn([batch, Steps, Size], dtype: type) * linspace(0.3, 2, batch, dtype: type).view(-1, 1, 1);
        var lengths = Enumerable.Range(0, batch).Select(i => 1L + i * 4 % Steps).ToArray();
        var padding = arange(Steps).view(1, -1) >= tensor(lengths).view(-1, 1);

        Tensor LossOf(long i) => Losses(x.narrow(0, i, 1).narrow(1, 0, lengths[i]), padding.narrow(0, i, 1).narrow(1, 0, lengths[i])).sum();
        Tensor Losses(Tensor input, Tensor ignored) => model.call(input, ignored).pow(3).sum(dim: 1L);

        var pieces = MicrobatchLoop.Consecutive(batch, microbatch).ToList();
        var clip = pieces
            .Select(p => Math.Sqrt(MicrobatchLoop.ClippedSum(parameters, [p], LossOf, double.MaxValue).Sum(g => g.to_type(ScalarType.Float64).square().sum().ToDouble())))
            .Order().ElementAt(pieces.Count / 2);
        var expected = MicrobatchLoop.ClippedSum(parameters, pieces, LossOf, clip);
        var options = new DPOptimizerOptions { L2NormClip = clip, NoiseMultiplier = 0, MicrobatchSize = microbatch };
        var actual = PrivateStep.Gradient(model, parameters, options, optimizer =>
        {
            Losses(x, padding).mean().backward();
            optimizer.step();
        });
        TensorAssert.AreClose(actual.Select(g => g * pieces.Count).ToList(), expected, type == ScalarType.Float64 ? 1e-12 : 1e-5);
    }

    [Fact]
    public void Nothing_is_left_of_a_step()
    {
        using var scope = NewDisposeScope();
        var model = new Encoding(new DPTransformerEncoder(new DPTransformerEncoderLayer(Size, Heads, 10, batchFirst: true), 2));
        using var optimizer = new DPOptimizer(optim.SGD(model.parameters(), 0.1), model, Toy.Private);
        var x = randn(4, Steps, Size);
        var padding = zeros(4, Steps, dtype: ScalarType.Bool);
        Step();
        var before = Tensor.TotalCount;
        for (var i = 0; i < 3; i++)
            Step();
        Tensor.TotalCount.Should().Be(before);

        void Step()
        {
            using var inner = NewDisposeScope();
            optimizer.zero_grad();
            model.call(x, padding).mean().backward();
            optimizer.step();
        }
    }

    /// <summary>Sum over the steps that are not padding: [B, steps, features] to [B, features].</summary>
    private static Tensor Pooled(Tensor output, Tensor padding) => output.masked_fill(padding.unsqueeze(2), 0).sum(dim: 1L);

    private sealed class Attending : nn.Module<Tensor, Tensor, Tensor>
    {
        private readonly DPMultiheadAttention _attention;
        private readonly bool _batchFirst;
        private readonly long _values;
        private readonly long _keys;

        public Attending(DPMultiheadAttention attention, bool batchFirst, long values = Size, long keys = Size)
            : base(nameof(Attending))
        {
            (_attention, _batchFirst, _values, _keys) = (attention, batchFirst, values, keys);
            RegisterComponents();
        }

        public override Tensor forward(Tensor input, Tensor padding)
        {
            var x = _batchFirst ? input : input.transpose(0, 1);
            var output = _attention.call(x, x.narrow(2, 0, _keys), x.narrow(2, 0, _values), padding, need_weights: false).Item1;
            return Pooled(_batchFirst ? output : output.transpose(0, 1), padding);
        }
    }

    private sealed class Encoding : nn.Module<Tensor, Tensor, Tensor>
    {
        private readonly nn.Module<Tensor, Tensor?, Tensor?, Tensor> _encoder;

        public Encoding(nn.Module<Tensor, Tensor?, Tensor?, Tensor> encoder)
            : base(nameof(Encoding))
        {
            _encoder = encoder;
            RegisterComponents();
        }

        public override Tensor forward(Tensor input, Tensor padding) => Pooled(_encoder.call(input, null, padding), padding);
    }
}
