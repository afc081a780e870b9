using DpSgd.Tests.PerExampleGradients;
using DpSgd.Tests.TestKit;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace DpSgd.Tests;

/// <summary>Models of 16 bit floats: norms, sums and noise are of 32 bits.</summary>
public class BFloat16Tests
{
    private const double UnitRoundoff = 1.0 / 512;   // bfloat16 has 8 bits

    public static TheoryData<string> Layers => [.. LayerCases.All.Keys];

    [Theory]
    [MemberData(nameof(Layers))]
    public void Clipped_sum_is_that_of_a_loop_in_higher_precision(string name)
    {
        using var scope = NewDisposeScope();
        random.manual_seed(1);
        var (makeLayer, makeInputs) = LayerCases.All[name];
        var layer = makeLayer().to(ScalarType.BFloat16);
        var inputs = makeInputs(6, ScalarType.BFloat16);
        var parameters = layer.parameters().ToList();
        Tensor LossOf(Tensor?[] input) => LayerCase.Call(layer, input).to(ScalarType.Float32).square().flatten(1).sum(dim: 1L);
        var options = new DPOptimizerOptions { L2NormClip = 1, NoiseMultiplier = 0 };
        var actual = PrivateStep.Gradient(layer, parameters, options, optimizer => optimizer.step(() => LossOf(inputs)));
        actual.Should().OnlyContain(g => g.dtype == ScalarType.BFloat16);

        // The same numbers in double precision: what is left is the rounding of the forward and backward pass, once each,
        // and of the result.
        layer = layer.to(ScalarType.Float64);
        parameters = layer.parameters().ToList();
        inputs = Array.ConvertAll(inputs, input => input?.dtype == ScalarType.BFloat16 ? input.to(ScalarType.Float64) : input);
        var expected = MicrobatchLoop.ClippedSum(
            parameters, MicrobatchLoop.Consecutive(6, 1), i => LossOf(Array.ConvertAll(inputs, input => input?.narrow(0, i, 1))).sum(), 1);

        TensorAssert.AreClose(actual.Select(g => g.to(ScalarType.Float64) * 6).ToList(), expected, 6 * UnitRoundoff);
    }

    [Fact]
    public void Sums_are_of_32_bits()
    {
        using var scope = NewDisposeScope();
        random.manual_seed(1);
        var model = Linear(3, 2, dtype: ScalarType.BFloat16);
        var x = randn(1, 3).to(ScalarType.BFloat16);
        IReadOnlyList<Tensor> Gradient(long batch, bool alone) => PrivateStep.Gradient(
            model, model.parameters().ToList(), new DPOptimizerOptions { L2NormClip = 1, NoiseMultiplier = 0, PerMicrobatchBackward = alone },
            optimizer =>
            {
                var examples = x.repeat(batch, 1);
                if (alone)
                    optimizer.step(batch, i => model.call(examples.index_select(0, i)).sum());
                else
                    optimizer.step(() => model.call(examples).sum(dim: 1L));
            });

        // Three thousand times the same, over three thousand: a sum of 16 bits would stop growing after a few hundred.
        var one = Gradient(1, alone: false);
        TensorAssert.AreClose(Gradient(3000, alone: false), one, UnitRoundoff);
        TensorAssert.AreClose(Gradient(3000, alone: true), one, UnitRoundoff);
    }

    [Fact]
    public void Noise_has_the_right_size()
    {
        using var scope = NewDisposeScope();
        var model = Linear(400, 100, dtype: ScalarType.BFloat16);
        var gradient = PrivateStep.Gradient(
            model, model.parameters().ToList(), new DPOptimizerOptions { L2NormClip = 2, NoiseMultiplier = 3, Noise = NoiseSource.SeededForTests(1) },
            optimizer => optimizer.step(() => model.call(zeros([4, 400], dtype: ScalarType.BFloat16)).sum(dim: 1L) * 0));
        gradient[0].to(ScalarType.Float64).std().ToDouble().Should().BeApproximately(1.5, 0.03);   // 40,000 values: 5 sigma are 0.027
    }

    [Fact]
    public void A_model_of_several_types_trains_and_leaves_nothing_behind()
    {
        using var scope = NewDisposeScope();
        random.manual_seed(1);
        var model = new Mixed();
        using var optimizer = new DPOptimizer(
            optim.SGD(model.parameters(), 0.5, momentum: 0.5), model, new DPOptimizerOptions { L2NormClip = 1, NoiseMultiplier = 0.1, Noise = NoiseSource.SeededForTests(1) });
        var (x, y) = Toy.Batch(64, type: ScalarType.Float32);
        var losses = new List<double>();
        var alive = 0L;
        for (var i = 0; i < 40; i++)
        {
            using (NewDisposeScope())
            {
                optimizer.zero_grad();
                var loss = functional.cross_entropy(model.call(x), y);
                loss.backward();
                optimizer.step();
                losses.Add(loss.ToDouble());
            }
            if (i == 1)
                alive = LiveTensors.Settled();
        }
        Tensor.TotalCount.Should().Be(alive);
        losses.Last().Should().BeLessThan(0.6 * losses.First());
        model.parameters().Select(p => p.dtype).Distinct().Should().BeEquivalentTo([ScalarType.BFloat16, ScalarType.Float32]);
    }

    [Fact]
    public void A_recurrent_layer_trains()
    {
        using var scope = NewDisposeScope();
        random.manual_seed(1);
        var model = new Recurrent().to(ScalarType.BFloat16);
        var x = randn([5, 4, 3]).to(ScalarType.BFloat16);
        var options = new DPOptimizerOptions { L2NormClip = 1, NoiseMultiplier = 0 };
        var actual = PrivateStep.Gradient(model, model.parameters().ToList(), options, optimizer => optimizer.step(() => model.call(x).to(ScalarType.Float32).square().sum(dim: 1L)));
        model = model.to(ScalarType.Float64);
        x = x.to(ScalarType.Float64);
        var expected = MicrobatchLoop.ClippedSum(
            model.parameters().ToList(), MicrobatchLoop.Consecutive(5, 1), i => model.call(x.narrow(0, i, 1)).square().sum(), 1);
        TensorAssert.AreClose(actual.Select(g => g.to(ScalarType.Float64) * 5).ToList(), expected, 12 * UnitRoundoff);
    }

    private sealed class Mixed : Module<Tensor, Tensor>
    {
        private readonly Module<Tensor, Tensor> _body = Linear(Toy.Features, 32, dtype: ScalarType.BFloat16);
        private readonly Module<Tensor, Tensor> _head = Linear(32, Toy.Classes);

        public Mixed()
            : base(nameof(Mixed)) => RegisterComponents();

        public override Tensor forward(Tensor input) => _head.call(_body.call(input.to(ScalarType.BFloat16)).tanh().to(ScalarType.Float32));
    }

    private sealed class Recurrent : Module<Tensor, Tensor>
    {
        private readonly DPLSTM _lstm = new(3, 4, batchFirst: true);

        public Recurrent()
            : base(nameof(Recurrent)) => RegisterComponents();

        public override Tensor forward(Tensor input) => _lstm.call(input).Output.mean([1]);
    }
}
