using DpSgd.Accounting;
using DpSgd.Tests.TestKit;
using TorchSharp;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace DpSgd.Tests.Robustness;

/// <summary>Nothing, one, and a thousand.</summary>
public class EdgeCaseTests
{
    [Fact]
    public void Zero_gradients_stay_zero()
    {
        using var scope = NewDisposeScope();
        var model = Toy.Model();
        var (x, _) = Toy.Batch(4);
        var gradient = PrivateStep.Gradient(model, model.parameters().ToList(), new() { L2NormClip = 1, NoiseMultiplier = 0 }, optimizer =>
        {
            optimizer.step(() => (model.call(x) * 0).sum(dim: 1L));
            optimizer.NonFiniteExamples.Should().Be(0);
            optimizer.Steps.Should().Be(1);
        });
        gradient.Should().OnlyContain(g => g.eq(0).all().ToBoolean());
    }

    [Theory]
    [InlineData(1, 1, 0.2)]
    [InlineData(1, 5, 0.2)]
    [InlineData(5, 2, 0.2)]
    [InlineData(5, 2, 100)]
    [InlineData(5, 4, 0.2)]
    [InlineData(5, 4, 100)]
    [InlineData(7, 7, 0.2)]
    public void A_batch_of_one_and_a_last_ragged_microbatch_are_those_of_a_loop(int batch, int microbatch, double clip)
    {
        using var scope = NewDisposeScope();
        var model = Toy.Model();
        var (x, y) = Toy.Batch(batch);
        var parameters = model.parameters().ToList();
        var microbatches = MicrobatchLoop.Consecutive(batch, microbatch).ToList();
        var expected = MicrobatchLoop.ClippedSum(parameters, microbatches, i => Toy.Loss(model, x.narrow(0, i, 1), y.narrow(0, i, 1)), clip);
        var actual = PrivateStep.Gradient(model, parameters, new() { L2NormClip = clip, NoiseMultiplier = 0, MicrobatchSize = microbatch }, optimizer =>
        {
            Toy.Backward(model, x, y);
            optimizer.step();
        });
        TensorAssert.AreClose(actual.Select(g => g * microbatches.Count).ToList(), expected, 1e-12);
    }

    [Fact]
    public void A_loader_whose_batches_are_often_empty_trains_and_counts_each()
    {
        using var scope = NewDisposeScope();
        var model = Toy.Model();
        var (x, y) = Toy.Batch(60);
        using var loader = new PoissonDataLoader(x, y, expectedBatchSize: 1);
        using var optimizer = new DPOptimizer(optim.SGD(model.parameters(), 0.01), model, Toy.Private with { Sampling = loader.Sampling });
        var empty = 0;
        foreach (var (examples, labels) in loader)
        {
            optimizer.zero_grad();
            Toy.Backward(model, examples, labels);
            optimizer.step();
            empty += examples.shape[0] == 0 ? 1 : 0;
        }
        empty.Should().BePositive("of 60 batches with probability 1/e each: none at all once in 10^11");
        optimizer.Guarantee(1e-5).Events.Should().Equal(new LedgerEntry(new PoissonSampledDpEvent(1.0 / 60, new GaussianDpEvent(1)), 60));
    }

    [Fact]
    public void A_thousand_parameters_are_clipped_together()
    {
        using var scope = NewDisposeScope();
        random.manual_seed(3);
        var model = Sequential(Enumerable.Range(0, 500).Select(i => ($"layer{i}", (Module<Tensor, Tensor>)new ResidualLinear())).ToArray()).to(ScalarType.Float64);
        var parameters = model.parameters().ToList();
        parameters.Should().HaveCount(1000);
        var x = randn([3, 2], dtype: ScalarType.Float64);
        Tensor Losses(Tensor input) => model.call(input).square().sum(dim: 1L);
        var expected = MicrobatchLoop.ClippedSum(parameters, [[0], [1], [2]], i => Losses(x.narrow(0, i, 1)).sum(), 0.5);
        var actual = PrivateStep.Gradient(model, parameters, new() { L2NormClip = 0.5, NoiseMultiplier = 0 }, optimizer => optimizer.step(() => Losses(x)));
        TensorAssert.AreClose(actual.Select(g => g * 3).ToList(), expected, 1e-11);
    }

    [Theory]
    [InlineData(1.0)]
    [InlineData(0.0)]
    public void A_parameter_of_size_zero_does_no_harm(double noise)
    {
        using var scope = NewDisposeScope();
        random.manual_seed(3);
        var model = new WithEmptyParameters().to(ScalarType.Float64);
        var parameters = model.parameters().ToList();
        parameters.Count(p => p.numel() == 0).Should().Be(3);
        var x = randn([4, 3], dtype: ScalarType.Float64);
        Tensor Losses(Tensor input) => model.call(input).square().sum(dim: 1L);
        var expected = MicrobatchLoop.ClippedSum(parameters, [[0], [1], [2], [3]], i => Losses(x.narrow(0, i, 1)).sum(), 0.5);
        var options = new DPOptimizerOptions { L2NormClip = 0.5, NoiseMultiplier = noise, LayerRules = [new ScaleRule()] };
        var actual = PrivateStep.Gradient(model, parameters, options, optimizer => optimizer.step(() => Losses(x)));
        if (noise == 0)
            TensorAssert.AreClose(actual.Select(g => g * 4).ToList(), expected, 1e-12);
        else
            actual.Zip(parameters).Should().OnlyContain(pair => pair.First.shape.SequenceEqual(pair.Second.shape));
    }

    private sealed class ResidualLinear : Module<Tensor, Tensor>
    {
        private readonly Module<Tensor, Tensor> _linear = Linear(2, 2);

        public ResidualLinear()
            : base(nameof(ResidualLinear)) => RegisterComponents();

        public override Tensor forward(Tensor input) => input + 0.01 * _linear.call(input);
    }

    private sealed class WithEmptyParameters : Module<Tensor, Tensor>
    {
        private readonly Module<Tensor, Tensor> _first = Linear(3, 4);
        private readonly Scale _nothing = new(0);
        private readonly Module<Tensor, Tensor> _toNothing = Linear(4, 0);
        private readonly Module<Tensor, Tensor> _last = Linear(4, 2);

        public WithEmptyParameters()
            : base(nameof(WithEmptyParameters)) => RegisterComponents();

        public override Tensor forward(Tensor input)
        {
            var hidden = _first.call(input);
            return _last.call(cat([hidden, _nothing.call(hidden.narrow(1, 0, 0)), _toNothing.call(hidden)], 1));
        }
    }
}
