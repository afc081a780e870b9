using DpSgd.Accounting;
using DpSgd.Tests.TestKit;
using TorchSharp;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace DpSgd.Tests;

/// <summary>The slow step for models that have layers without a rule.</summary>
public class DPOptimizerPerMicrobatchTests
{
    private static readonly DPOptimizerOptions Private = Toy.Private with { PerMicrobatchBackward = true };

    [Theory]
    [InlineData(6, 1)]
    [InlineData(6, 2)]
    [InlineData(7, 3)]
    [InlineData(1, 1)]
    public void It_is_what_the_loop_says(int batch, int microbatch)
    {
        using var scope = NewDisposeScope();
        var (model, x, y) = Problem(batch);
        var parameters = model.parameters().ToList();
        var microbatches = MicrobatchLoop.Consecutive(batch, microbatch).ToList();
        var expected = MicrobatchLoop.ClippedSum(parameters, microbatches, i => LossOf(model, x, y, tensor(new[] { i })), 0.2);
        foreach (var reduction in new[] { Reduction.Mean, Reduction.Sum })
        {
            var options = new DPOptimizerOptions
            {
                L2NormClip = 0.2,
                NoiseMultiplier = 0,
                MicrobatchSize = microbatch,
                PerMicrobatchBackward = true,
                LossReduction = reduction == Reduction.Mean ? LossReduction.Mean : LossReduction.Sum,
            };
            var actual = PrivateStep.Gradient(model, parameters, options, optimizer =>
                optimizer.step(batch, positions => LossOf(model, x, y, positions, reduction)));

            TensorAssert.AreClose(actual.Select(g => g * microbatches.Count).ToList(), expected, 1e-12);
        }
    }

    [Fact]
    public void No_rounding_makes_a_gradient_longer_than_the_clip_norm()
    {
        using var scope = NewDisposeScope();
        random.manual_seed(4);
        var model = Linear(30, 20, hasBias: false);
        for (var i = 0; i < 100; i++)
        {
            var x = randn(1, 30);
            var gradient = PrivateStep.Gradient(model, model.parameters().ToList(), Private with { L2NormClip = 0.7, NoiseMultiplier = 0 }, optimizer =>
                optimizer.step(1, positions => model.call(x.index_select(0, positions)).square().sum()));
            gradient.Single().to(ScalarType.Float64).norm().ToDouble().Should().BeLessThanOrEqualTo(0.7).And.BeGreaterThan(0.7 * (1 - 1e-6));
        }
    }

    [Fact]
    public void It_is_the_step_by_layers_where_both_can_be_taken()
    {
        using var scope = NewDisposeScope();
        var model = Toy.Model();
        var (x, y) = Toy.Batch(12);
        var parameters = model.parameters().ToList();
        var options = new DPOptimizerOptions { L2NormClip = 0.3, NoiseMultiplier = 1, NumMicrobatches = 4 };
        var byLayers = PrivateStep.Gradient(model, parameters, options with { Noise = NoiseSource.SeededForTests(1) }, optimizer =>
        {
            Toy.Backward(model, x, y);
            optimizer.step();
        });

        var actual = PrivateStep.Gradient(model, parameters, options with { Noise = NoiseSource.SeededForTests(1), PerMicrobatchBackward = true }, optimizer =>
            optimizer.step(12, positions => LossOf(model, x, y, positions)));

        TensorAssert.AreClose(actual, byLayers, 1e-12);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Repeated_tokens_are_summed_before_clipping(bool sparse)
    {
        using var scope = NewDisposeScope();
        random.manual_seed(1);
        var model = Embedding(4, 3, sparse: sparse, dtype: ScalarType.Float64);
        var tokens = randint(4, [5, 8]);
        Tensor LossOf(Tensor positions) => model.call(tokens.index_select(0, positions)).square().sum();
        IReadOnlyList<Tensor> Gradient(DPOptimizerOptions options, Action<DPOptimizer> step) =>
            PrivateStep.Gradient(model, model.parameters().ToList(), options with { L2NormClip = 0.2, NoiseMultiplier = 0 }, step);
        var byLayers = Gradient(Toy.Private, optimizer => optimizer.step(() => model.call(tokens).square().sum(dim: [1, 2])));

        var actual = Gradient(Private, optimizer => optimizer.step(5, LossOf));

        TensorAssert.AreClose(actual, byLayers, 1e-12);
    }

    [Fact]
    public void A_recurrent_network_trains()
    {
        using var scope = NewDisposeScope();
        random.manual_seed(1);
        var model = new Recurrent();
        var x = randn(40, 6, 3);
        var y = x.sum(dim: [1, 2]).gt(0).to(ScalarType.Int64);
        using var optimizer = new DPOptimizer(optim.Adam(model.parameters(), 0.05), model, Private with { L2NormClip = 1, NoiseMultiplier = 0.5, Noise = NoiseSource.SeededForTests(3) });
        double Loss() => LossOf(model, x, y, arange(40)).ToDouble();
        var before = Loss();
        for (var i = 0; i < 20; i++)
            optimizer.step(40, positions => LossOf(model, x, y, positions));
        Loss().Should().BeLessThan(0.75 * before);
        optimizer.Steps.Should().Be(20);
        optimizer.GetEpsilon(1e-5).Should().Be(double.PositiveInfinity, "the noise is seeded");
    }

    [Fact]
    public void Under_sampling_each_example_is_in_one_random_microbatch()
    {
        using var scope = NewDisposeScope();
        var (model, x, y) = Problem(30);
        var ledger = new RecordingAccountant();
        var sampling = new PoissonSampling(0.1, 240);
        using var optimizer = new DPOptimizer(optim.SGD(model.parameters(), 1), model, Private with { MicrobatchSize = 4, Sampling = sampling, Accountant = ledger });
        var seen = new List<long[]>();
        optimizer.step(30, positions =>
        {
            seen.Add(positions.data<long>().ToArray());
            return LossOf(model, x, y, positions);
        });

        seen.SelectMany(p => p).Order().Should().Equal(Enumerable.Range(0, 30).Select(i => (long)i));
        seen.Should().HaveCountLessThanOrEqualTo(6).And.Contain(p => p.Last() - p.First() >= p.Length, "they are not consecutive");
        ledger.Events.Should().Equal(new PoissonSampledDpEvent(0.1, new GaussianDpEvent(0.5)));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(4)]
    public void An_empty_batch_is_a_step_of_noise_alone(int microbatch)
    {
        using var scope = NewDisposeScope();
        var (model, _, _) = Problem(1);
        var before = Toy.Weights(model);
        var options = Private with { MicrobatchSize = microbatch, Sampling = new PoissonSampling(0.1, 240) };
        using (var optimizer = new DPOptimizer(optim.SGD(model.parameters(), 1), model, options))
        {
            optimizer.step(0, _ => throw new InvalidOperationException("there is nothing to call it for"));
            optimizer.Steps.Should().Be(1);
        }
        model.parameters().Zip(before).Should().OnlyContain(pair => pair.First.detach().ne(pair.Second).all().ToBoolean());

        using var undeclared = new DPOptimizer(optim.SGD(model.parameters(), 1), model, Private);
        undeclared.Invoking(o => o.step(0, _ => null!)).Should().Throw<InvalidOperationException>().WithMessage("*batch is empty*Sampling*");
    }

    [Fact]
    public void A_microbatch_with_a_non_finite_gradient_contributes_zero_and_is_counted()
    {
        using var scope = NewDisposeScope();
        var (model, x, y) = Problem(6);
        x[2, 1, 0] = double.NaN;
        var parameters = model.parameters().ToList();
        var expected = MicrobatchLoop.ClippedSum(parameters, new long[][] { [0, 1], [4, 5] }, i => LossOf(model, x, y, tensor(new[] { i })), 0.2);
        var actual = PrivateStep.Gradient(model, parameters, new() { L2NormClip = 0.2, NoiseMultiplier = 0, MicrobatchSize = 2, PerMicrobatchBackward = true }, optimizer =>
        {
            optimizer.step(6, positions => LossOf(model, x, y, positions));
            optimizer.NonFiniteExamples.Should().Be(2);
        });
        TensorAssert.AreClose(actual.Select(g => g * 3).ToList(), expected, 1e-12);
    }

    [Fact]
    public void A_parameter_that_the_optimizer_lists_twice_is_clipped_and_counted_once()
    {
        using var scope = NewDisposeScope();
        var (model, x, y) = Problem(4);
        var parameters = model.parameters().ToList();
        IReadOnlyList<Tensor> Gradient(IReadOnlyList<TorchSharp.Modules.Parameter> listed) =>
            PrivateStep.Gradient(model, listed, Private with { L2NormClip = 0.2, NoiseMultiplier = 0 }, optimizer =>
                optimizer.step(4, positions => LossOf(model, x, y, positions)));
        var once = Gradient(parameters);
        TensorAssert.AreClose(Gradient([.. parameters, parameters[0]]).Take(parameters.Count).ToList(), once, 1e-12);
    }

    [Fact]
    public void A_disposed_optimizer_takes_no_step()
    {
        using var scope = NewDisposeScope();
        var (model, x, y) = Problem(4);
        var optimizer = new DPOptimizer(optim.SGD(model.parameters(), 1), model, Private);
        optimizer.Dispose();
        optimizer.Invoking(o => o.step(4, positions => LossOf(model, x, y, positions))).Should().Throw<ObjectDisposedException>();
    }

    [Fact]
    public void A_parameter_that_was_unfrozen_and_is_not_trained_keeps_no_gradient()
    {
        using var scope = NewDisposeScope();
        var (model, x, y) = Problem(4);
        var other = model.parameters().Last();
        other.requires_grad = false;
        using var optimizer = new DPOptimizer(optim.SGD(model.parameters().SkipLast(1).ToList(), 1), model, Private);
        other.requires_grad = true;
        optimizer.step(4, positions => LossOf(model, x, y, positions));
        ReferenceEquals(other.grad, null).Should().BeTrue("it would be one without noise");
    }

    [Fact]
    public void Frozen_and_other_parameters_get_no_gradient()
    {
        using var scope = NewDisposeScope();
        var (model, x, y) = Problem(4);
        var trained = model.parameters().Take(2).ToList();
        foreach (var other in model.parameters().Skip(1))
            other.requires_grad = false;
        var before = Toy.Weights(model);
        using var optimizer = new DPOptimizer(optim.SGD(trained, 1), model, Private);
        optimizer.step(4, positions => LossOf(model, x, y, positions));
        model.parameters().Should().OnlyContain(p => ReferenceEquals(p.grad, null));
        var changed = model.parameters().Zip(before).Select(pair => !pair.First.detach().equal(pair.Second).all().ToBoolean()).ToList();
        changed.Should().StartWith([true, false]).And.Subject.Skip(2).Should().OnlyContain(c => !c);
    }

    public static TheoryData<string, Func<Module<Tensor, Tensor>, Tensor, Tensor, Tensor>> WrongLosses => new()
    {
        { "*returned null*", (_, _, _) => null! },
        { "*shape [2]*", (model, x, positions) => model.call(x.index_select(0, positions)).sum(dim: 1L) },
        { "*that does not*", (model, x, positions) => model.call(x.index_select(0, positions)).sum().detach() },
        { "*called with 4 examples for a microbatch of 2*", (model, x, _) => model.call(x).sum() },
        { "*called with 4 examples for a microbatch of 2*", (model, x, positions) => model.call(x).sum() + model.call(x.index_select(0, positions)).sum() },
        { "*did not call the model*", (model, x, positions) => model.forward(x.index_select(0, positions)).sum() },
        { "halfway", (model, x, positions) => positions[0].ToInt64() == 0 ? model.call(x.index_select(0, positions)).sum() : throw new InvalidOperationException("halfway") },
    };

    [Theory]
    [MemberData(nameof(WrongLosses))]
    public void A_wrong_loss_is_refused_and_leaves_nothing(string message, Func<Module<Tensor, Tensor>, Tensor, Tensor, Tensor> loss)
    {
        using var scope = NewDisposeScope();
        var (model, x, y) = Problem(4);
        var before = Toy.Weights(model);
        var ledger = new RecordingAccountant();
        using var optimizer = new DPOptimizer(optim.SGD(model.parameters(), 1), model, Private with { MicrobatchSize = 2, Accountant = ledger });
        optimizer.Invoking(o => o.step(4, positions => loss(model, x, positions))).Should().Throw<InvalidOperationException>().WithMessage(message);
        model.ShouldBeUnchanged(before);
        ledger.Events.Should().BeEmpty();
        optimizer.Steps.Should().Be(0);
        model.parameters().Should().OnlyContain(p => ReferenceEquals(p.grad, null));

        optimizer.step(4, positions => LossOf(model, x, y, positions));
        ledger.Events.Should().ContainSingle();
    }

    [Fact]
    public void The_two_kinds_of_step_are_not_mixed()
    {
        using var scope = NewDisposeScope();
        var model = Toy.Model();
        var (x, y) = Toy.Batch(4);
        using (var byMicrobatch = new DPOptimizer(optim.SGD(model.parameters(), 1), model, Private))
        {
            byMicrobatch.Invoking(o => o.step()).Should().Throw<InvalidOperationException>().WithMessage("*optimizer.step(batchSize, positions*");
            byMicrobatch.Invoking(o => o.step(() => Toy.Loss(model, x, y, Reduction.None))).Should().Throw<InvalidOperationException>();
            // A gradient of the user's own is not taken for one of a microbatch.
            Toy.Backward(model, x, y);
            byMicrobatch.Invoking(o => o.step(4, positions => LossOf(model, x, y, positions))).Should().Throw<InvalidOperationException>().WithMessage("*zero_grad()*");
            byMicrobatch.Invoking(o => o.step(-1, _ => null!)).Should().Throw<ArgumentOutOfRangeException>().WithParameterName("batchSize");
            byMicrobatch.Invoking(o => o.step(4, null!)).Should().Throw<ArgumentNullException>().WithParameterName("microbatchLoss");
            byMicrobatch.Steps.Should().Be(0);
            byMicrobatch.zero_grad();
        }
        using var byLayers = new DPOptimizer(optim.SGD(model.parameters(), 1), model, Toy.Private);
        byLayers.Invoking(o => o.step(4, positions => LossOf(model, x, y, positions)))
            .Should().Throw<InvalidOperationException>().WithMessage("*PerMicrobatchBackward*");
    }

    [Fact]
    public void Batch_normalisation_and_foreign_parameters_are_refused_all_the_same()
    {
        using var scope = NewDisposeScope();
        var model = Sequential(("first", Linear(3, 4)), ("norm", BatchNorm1d(4)));
        FluentActions.Invoking(() => new DPOptimizer(optim.SGD(model.parameters(), 1), model, Private))
            .Should().Throw<ArgumentException>().WithMessage("*'norm' is a BatchNorm1d*").WithParameterName("model");
        FluentActions.Invoking(() => new DPOptimizer(optim.SGD(Toy.Model().parameters(), 1), Toy.Model(), Private))
            .Should().Throw<ArgumentException>().WithMessage("*4 parameters that are not the model's*");
    }

    private static (Module<Tensor, Tensor> Model, Tensor X, Tensor Y) Problem(long batch)
    {
        random.manual_seed(7);
        var x = randn([batch, 6, 3], dtype: ScalarType.Float64) * linspace(0.1, 2, batch, dtype: ScalarType.Float64).view(-1, 1, 1);
        return (new Recurrent().to(ScalarType.Float64), x, arange(batch) % 2);
    }

    private static Tensor LossOf(Module<Tensor, Tensor> model, Tensor x, Tensor y, Tensor positions, Reduction reduction = Reduction.Mean) =>
        functional.cross_entropy(model.call(x.index_select(0, positions)), y.index_select(0, positions), reduction: reduction);

    /// <summary>A model of layers that cannot be tapped.</summary>
    private sealed class Recurrent : Module<Tensor, Tensor>
    {
        private readonly TorchSharp.Modules.GRU _recurrent = GRU(3, 5, batchFirst: true);
        private readonly Scale _scale = new(5);
        private readonly TorchSharp.Modules.Linear _output = Linear(5, 2);

        public Recurrent()
            : base(nameof(Recurrent)) => RegisterComponents();

        public override Tensor forward(Tensor input) =>
            _output.call(_scale.call(_recurrent.call(input).Item1.select(1, -1)));
    }
}
