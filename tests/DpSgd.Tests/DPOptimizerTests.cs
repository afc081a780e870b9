using DpSgd.Accounting;
using DpSgd.Tests.TestKit;
using TorchSharp;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace DpSgd.Tests;

/// <summary>The step itself: what it does to the weights, and what it enters into the ledger.</summary>
public class DPOptimizerTests
{
    [Theory]
    [MemberData(nameof(WrappedOptimizers.Names), MemberType = typeof(WrappedOptimizers))]
    public void Trains_with_every_optimizer(string name)
    {
        using var scope = NewDisposeScope();
        var model = Toy.Model();
        var (x, y) = Toy.Batch(256);
        using var optimizer = new DPOptimizer(
            WrappedOptimizers.All[name](model.parameters()),
            model,
            new() { L2NormClip = 1, NoiseMultiplier = 1, Noise = NoiseSource.SeededForTests(3) });
        var before = Toy.Loss(model, x, y).ToDouble();

        for (var i = 0; i < 60; i++)
        {
            optimizer.zero_grad();
            Toy.Backward(model, x, y);
            optimizer.step();
        }

        Toy.Loss(model, x, y).ToDouble().Should().BeLessThan(0.75 * before);
        optimizer.Steps.Should().Be(60);
    }

    [Theory]
    [MemberData(nameof(WrappedOptimizers.Names), MemberType = typeof(WrappedOptimizers))]
    public void Without_noise_and_clipping_it_is_the_bare_optimizer(string name)
    {
        using var scope = NewDisposeScope();
        var (bareModel, model) = (Toy.Model(), Toy.Model());
        var (x, y) = Toy.Batch(30);
        using var bare = WrappedOptimizers.All[name](bareModel.parameters());
        using var optimizer = new DPOptimizer(WrappedOptimizers.All[name](model.parameters()), model, Toy.NoPrivacy);

        for (var i = 0; i < 5; i++)
        {
            bare.zero_grad();
            Toy.Backward(bareModel, x, y);
            bare.step();
            optimizer.zero_grad();
            Toy.Backward(model, x, y);
            optimizer.step();
        }

        TensorAssert.AreClose(Toy.Weights(model), Toy.Weights(bareModel), 1e-11);
    }

    [Theory]
    [InlineData(1, 12)]
    [InlineData(2, 6)]
    [InlineData(12, 1)]
    public void A_sum_loss_a_mean_loss_and_per_example_losses_give_the_same_step(int size, int count)
    {
        using var scope = NewDisposeScope();
        var model = Toy.Model();
        var (x, y) = Toy.Batch(12);
        IReadOnlyList<Tensor> Gradient(DPOptimizerOptions options, Action<DPOptimizer> step) =>
            PrivateStep.Gradient(model, model.parameters().ToList(), options with { L2NormClip = 0.4, NoiseMultiplier = 0 }, step);

        var fromMean = Gradient(Toy.Private with { MicrobatchSize = size }, optimizer =>
        {
            Toy.Backward(model, x, y);
            optimizer.step();
        });
        var fromSum = Gradient(Toy.Private with { NumMicrobatches = count, LossReduction = LossReduction.Sum }, optimizer =>
        {
            Toy.Loss(model, x, y, Reduction.Sum).backward();
            optimizer.step();
        });
        var fromClosure = Gradient(Toy.Private with { NumMicrobatches = count }, optimizer =>
            optimizer.step(() => Toy.Loss(model, x, y, Reduction.None)).shape.Should().Equal(12));

        TensorAssert.AreClose(fromSum, fromMean, 1e-14);
        TensorAssert.AreClose(fromClosure, fromMean, 1e-14);
    }

    [Fact]
    public void A_private_gradient_is_never_longer_than_the_clip_norm()
    {
        using var scope = NewDisposeScope();
        var model = Toy.Model();
        var (x, y) = Toy.Batch(8);
        var gradient = PrivateStep.Gradient(model, model.parameters().ToList(), new() { L2NormClip = 0.01, NoiseMultiplier = 0 }, optimizer =>
        {
            Toy.Backward(model, x * 1000, y);
            optimizer.step();
        });

        Math.Sqrt(gradient.Sum(g => g.square().sum().ToDouble())).Should().BeLessThanOrEqualTo(0.01 * (1 + 1e-12));
    }

    /// <summary>The hooks of the model and of its one layer are the same ones, and come in another order each time.</summary>
    [Fact]
    public void A_model_that_is_one_layer_can_have_one_optimizer_after_another()
    {
        using var scope = NewDisposeScope();
        var model = Linear(4, 3);
        var x = randn(5, 4);
        for (var i = 0; i < 4; i++)
        {
            using var optimizer = new DPOptimizer(optim.SGD(model.parameters(), 1), model, Toy.Private);
            FluentActions.Invoking(() => model.call(randn(5, 3))).Should().Throw<Exception>("a pass that breaks off must not matter");
            model.call(x).square().mean().backward();
            optimizer.step();
            optimizer.Steps.Should().Be(1);
        }
    }

    [Fact]
    public void A_layer_used_twice_and_a_shared_weight_are_summed_before_clipping()
    {
        using var scope = NewDisposeScope();
        random.manual_seed(4);
        var model = new SharingModel();
        var x = randn([6, 5], dtype: ScalarType.Float64);
        var parameters = model.parameters().DistinctBy(p => p.Handle).ToList();
        parameters.Should().HaveCount(3, "two layers share their weight");
        Tensor Losses(Tensor input) => model.call(input).square().sum(dim: 1L);
        var expected = MicrobatchLoop.ClippedSum(parameters, MicrobatchLoop.Consecutive(6, 1), i => Losses(x.narrow(0, i, 1)).sum(), 0.5);

        var actual = PrivateStep.Gradient(model, parameters, new() { L2NormClip = 0.5, NoiseMultiplier = 0 }, optimizer =>
            optimizer.step(() => Losses(x)));

        TensorAssert.AreClose(actual.Select(g => g * 6).ToList(), expected, 1e-12);
    }

    [Fact]
    public void A_parameter_that_the_loss_does_not_depend_on_gets_noise_and_nothing_else()
    {
        using var scope = NewDisposeScope();
        var model = Toy.Model();
        var unused = Linear(50, 40);
        model.append("unused", Identity());
        var whole = new UnusedLayerModel(model, unused);
        var (x, y) = Toy.Batch(10, type: ScalarType.Float64);

        var gradient = PrivateStep.Gradient(whole, whole.parameters().ToList(), new() { L2NormClip = 2, NoiseMultiplier = 3 }, optimizer =>
        {
            functional.cross_entropy(whole.call(x), y).backward();
            optimizer.step();
        });

        // 2040 draws: the relative error of their standard deviation is 1.6%.
        var index = whole.named_parameters().ToList().FindIndex(p => p.name == "unused.weight");
        gradient[index].std().ToDouble().Should().BeApproximately(2 * 3 / 10.0, 0.1 * 0.6);
    }

    [Fact]
    public void Frozen_parameters_stay_as_they_are()
    {
        using var scope = NewDisposeScope();
        var model = Toy.Model();
        model.children().First().parameters().First().requires_grad = false;
        var before = Toy.Weights(model);
        var (x, y) = Toy.Batch(10);
        using var optimizer = new DPOptimizer(optim.SGD(model.parameters(), 1), model, Toy.Private);

        void Step()
        {
            optimizer.zero_grad();
            Toy.Backward(model, x, y);
            optimizer.step();
        }

        Step();
        var after = Toy.Weights(model);
        after[0].equal(before[0]).all().ToBoolean().Should().BeTrue();
        after[1].equal(before[1]).all().ToBoolean().Should().BeFalse();

        // Freezing in the middle of training works too, and is not undone.
        var bias = model.children().First().parameters().ElementAt(1);
        bias.requires_grad = false;
        Step();
        bias.requires_grad.Should().BeFalse();
        bias.detach().equal(after[1]).all().ToBoolean().Should().BeTrue();
        optimizer.Steps.Should().Be(2);
    }

    [Theory]
    [InlineData(float.NaN)]
    [InlineData(float.PositiveInfinity)]
    public void An_example_with_a_non_finite_gradient_contributes_zero_and_is_counted(float bad)
    {
        using var scope = NewDisposeScope();
        var model = Toy.Model();
        var (x, y) = Toy.Batch(6);
        var poisoned = x.clone();
        poisoned[2, 1] = bad;
        var rest = tensor(new long[] { 0, 1, 3, 4, 5 });
        var options = new DPOptimizerOptions { L2NormClip = 0.3, NoiseMultiplier = 0 };
        IReadOnlyList<Tensor> Gradient(Tensor input, Tensor labels, long expectedNonFinite) =>
            PrivateStep.Gradient(model, model.parameters().ToList(), options, optimizer =>
            {
                optimizer.step(() => Toy.Loss(model, input, labels, Reduction.None));
                optimizer.NonFiniteExamples.Should().Be(expectedNonFinite);
            });

        var with = Gradient(poisoned, y, 1).Select(g => g * 6).ToList();
        var without = Gradient(x.index_select(0, rest), y.index_select(0, rest), 0).Select(g => g * 5).ToList();

        TensorAssert.AreClose(with, without, 1e-12);
    }

    [Theory]
    [InlineData(1, false)]
    [InlineData(3, false)]
    [InlineData(3, true)]
    public void A_microbatch_with_a_non_finite_example_contributes_zero(int size, bool convolution)
    {
        using var scope = NewDisposeScope();
        random.manual_seed(7);
        Module<Tensor, Tensor> model = convolution
            ? Sequential(Conv2d(1, 2, 2, dtype: ScalarType.Float64), Flatten(), Linear(2 * 9, 2, dtype: ScalarType.Float64))
            : Sequential(Flatten(), Linear(16, 2, dtype: ScalarType.Float64));
        var x = randn([9, 1, 4, 4], dtype: ScalarType.Float64);
        var good = x.clone();
        x[4, 0, 1, 1] = double.NaN;
        var parameters = model.parameters().ToList();
        Tensor Losses(Tensor input) => model.call(input).square().sum(dim: 1L);
        var bad = 4 / size;
        var microbatches = MicrobatchLoop.Consecutive(9, size).Where((_, i) => i != bad).ToList();
        var expected = MicrobatchLoop.ClippedSum(parameters, microbatches, i => Losses(good.narrow(0, i, 1)).sum(), 0.5);

        var actual = PrivateStep.Gradient(model, parameters, new() { L2NormClip = 0.5, NoiseMultiplier = 0, MicrobatchSize = size }, optimizer =>
        {
            optimizer.step(() => Losses(x));
            optimizer.NonFiniteExamples.Should().Be(size);
        });

        TensorAssert.AreClose(actual.Select(g => g * 9 / size).ToList(), expected, 1e-12);
    }

    [Fact]
    public void Microbatches_of_a_Poisson_sample_are_averaged_clipped_and_divided_by_their_number()
    {
        using var scope = NewDisposeScope();
        var model = Toy.Model();
        var (x, y) = Toy.Batch(12);
        var parameters = model.parameters().ToList();
        IReadOnlyList<Tensor> Gradient(int count, double clip) => PrivateStep.Gradient(
            model, parameters, new() { L2NormClip = clip, NoiseMultiplier = 0, Sampling = new PoissonSampling(0.1, 100), NumMicrobatches = count },
            optimizer => optimizer.step(() => Toy.Loss(model, x, y, Reduction.None)));
        Tensor Loss(long i) => Toy.Loss(model, x.narrow(0, i, 1), y.narrow(0, i, 1));

        // All in one: the average of the twelve that came, clipped.
        TensorAssert.AreClose(Gradient(1, 0.1), MicrobatchLoop.ClippedSum(parameters, [Enumerable.Range(0, 12).Select(i => (long)i).ToArray()], Loss, 0.1), 1e-12);

        // In five at random, nearly everything clipped: five vectors of norm at most 0.01, over five, and differently each time.
        var first = Gradient(5, 0.01);
        Math.Sqrt(first.Sum(g => g.square().sum().ToDouble())).Should().BeInRange(1e-4, 0.01 * (1 + 1e-12));
        Enumerable.Range(0, 10).Any(_ => !Gradient(5, 0.01)[0].equal(first[0]).all().ToBoolean()).Should().BeTrue();

        // Twelve times the same example, nothing clipped: every average is its gradient, how many share a microbatch or not.
        x.copy_(x[0].clone());
        y.copy_(y[0].clone());
        var one = Gradient(1, 100);
        for (var i = 0; i < 10; i++)
        {
            var many = Gradient(5, 100);
            var microbatches = (many[0] / one[0]).mean().ToDouble() * 5;
            microbatches.Should().BeInRange(1, 5.001).And.BeApproximately(Math.Round(microbatches), 1e-9, "averages depend on no other microbatch");
        }
    }

    [Fact]
    public void An_empty_batch_is_a_step_of_noise_alone()
    {
        using var scope = NewDisposeScope();
        var model = Toy.Model();
        var ledger = new RecordingAccountant();
        var sampling = new PoissonSampling(0.1, 100);
        var (x, y) = Toy.Batch(1);
        var gradient = PrivateStep.Gradient(
            model,
            model.parameters().ToList(),
            new() { L2NormClip = 2, NoiseMultiplier = 3, Sampling = sampling, Accountant = ledger },
            optimizer =>
            {
                Toy.Backward(model, x.narrow(0, 0, 0), y.narrow(0, 0, 0));
                optimizer.step();
            });

        ledger.Events.Should().Equal(new PoissonSampledDpEvent(0.1, new GaussianDpEvent(3)));
        // 67 draws of N(0, (2 * 3 / 10)^2): outside this range once in 10^9.
        cat(gradient.Select(g => g.flatten()).ToArray()).square().mean().sqrt().ToDouble().Should().BeInRange(0.6 * 0.45, 0.6 * 1.65);
    }

    [Fact]
    public void With_sampling_the_sum_is_divided_by_the_expected_batch_size()
    {
        using var scope = NewDisposeScope();
        var model = Toy.Model();
        var (x, y) = Toy.Batch(12);
        IReadOnlyList<Tensor> Gradient(BatchSampling? sampling) => PrivateStep.Gradient(
            model,
            model.parameters().ToList(),
            new() { L2NormClip = 0.5, NoiseMultiplier = 0, Sampling = sampling },
            optimizer =>
            {
                Toy.Backward(model, x, y);
                optimizer.step();
            });

        var expected = Gradient(null).Select(g => g * 12 / 10).ToList();

        TensorAssert.AreClose(Gradient(new PoissonSampling(0.1, 100)), expected, 1e-12);
    }

    public static TheoryData<DPOptimizerOptions, DpEvent> LedgerCases => new()
    {
        { Toy.Private, new GaussianDpEvent(1) },
        { Toy.Private with { NumMicrobatches = 12 }, new GaussianDpEvent(1) },
        { Toy.Private with { NumMicrobatches = 6 }, new GaussianDpEvent(0.5) },
        { Toy.Private with { MicrobatchSize = 5 }, new GaussianDpEvent(0.5) },
        { Toy.Private with { MicrobatchSize = 5, Accountant = new RecordingAccountant { NeighboringRelation = NeighboringRelation.ReplaceOne } }, new GaussianDpEvent(1) },
        { Toy.Private with { MicrobatchSize = 5, Accountant = new RecordingAccountant { NeighboringRelation = NeighboringRelation.ReplaceSpecial } }, new GaussianDpEvent(0.5) },
        { Toy.Private with { Sampling = new PoissonSampling(0.1, 120) }, new PoissonSampledDpEvent(0.1, new GaussianDpEvent(1)) },
        { Toy.Private with { Sampling = new PoissonSampling(0.1, 120), NumMicrobatches = 12 }, new PoissonSampledDpEvent(0.1, new GaussianDpEvent(1)) },
        { Toy.Private with { Sampling = new PoissonSampling(0.1, 120), NumMicrobatches = 4 }, new PoissonSampledDpEvent(0.1, new GaussianDpEvent(0.5)) },
    };

    [Theory]
    [MemberData(nameof(LedgerCases))]
    public void The_ledger_says_what_happened(DPOptimizerOptions options, DpEvent expected)
    {
        using var scope = NewDisposeScope();
        var model = Toy.Model();
        var (x, y) = Toy.Batch(12);
        var ledger = options.Accountant as RecordingAccountant ?? new RecordingAccountant();
        using var optimizer = new DPOptimizer(optim.SGD(model.parameters(), 0.1), model, options with { Accountant = ledger });
        for (var i = 0; i < 3; i++)
        {
            optimizer.step(() => Toy.Loss(model, x, y, Reduction.None));
        }

        ledger.Events.Should().Equal(expected, expected, expected);
    }

    [Fact]
    public void Every_step_is_in_the_ledger_before_the_weights_change()
    {
        using var scope = NewDisposeScope();
        var model = Toy.Model();
        var before = Toy.Weights(model);
        var (x, y) = Toy.Batch(4);
        var entries = 0;
        var ledger = new RecordingAccountant(() =>
        {
            entries++;
            model.ShouldBeUnchanged(before);
            if (entries == 2)
                throw new InvalidOperationException("The ledger is closed.");
        });
        using var optimizer = new DPOptimizer(optim.SGD(model.parameters(), 0.1), model, Toy.Private with { Accountant = ledger });

        optimizer.step(() => Toy.Loss(model, x, y, Reduction.None));
        before = Toy.Weights(model);
        optimizer.Invoking(o => o.step(() => Toy.Loss(model, x, y, Reduction.None)))
            .Should().Throw<InvalidOperationException>().WithMessage("The ledger is closed.");

        model.ShouldBeUnchanged(before);
        optimizer.Steps.Should().Be(1);
        optimizer.parameters().Should().OnlyContain(p => ReferenceEquals(p.grad, null));
    }

    [Fact]
    public void Epsilon_is_that_of_the_steps_that_were_taken()
    {
        using var scope = NewDisposeScope();
        var model = Toy.Model();
        var (x, y) = Toy.Batch(5);
        using var optimizer = new DPOptimizer(
            optim.SGD(model.parameters(), 0.1), model, Toy.Private with { NoiseMultiplier = 1.3, Sampling = new PoissonSampling(0.01, 500) });
        optimizer.GetEpsilon(1e-5).Should().Be(0);
        for (var steps = 1; steps <= 3; steps++)
        {
            optimizer.step(() => Toy.Loss(model, x, y, Reduction.None));
            var accountant = new RdpAccountant();
            accountant.Compose(new PoissonSampledDpEvent(0.01, new GaussianDpEvent(1.3)), steps);
            optimizer.GetEpsilon(1e-5).Should().Be(accountant.GetEpsilon(1e-5)).And.BePositive();
        }
    }

    [Fact]
    public void Two_optimizers_on_two_threads_do_not_disturb_each_other()
    {
        using var scope = NewDisposeScope();
        var alone = new[] { Train(Toy.Model(1), 1), Train(Toy.Model(2), 2) };
        alone[0].Should().NotEqual(alone[1]);
        // Models and data are made here: TorchSharp's generator is one for all threads.
        var models = Enumerable.Range(0, 8).Select(i => Toy.Model(i % 2 + 1)).ToList();
        var together = new double[8][];

        Parallel.For(0, 8, i => together[i] = Train(models[i], i % 2 + 1));

        for (var i = 0; i < 8; i++)
            together[i].Should().Equal(alone[i % 2]);

        static double[] Train(Module<Tensor, Tensor> model, int seed)
        {
            using var scope = NewDisposeScope();
            var x = linspace(-seed, 2, 64, dtype: ScalarType.Float64).view(16, Toy.Features);
            var y = arange(16) % Toy.Classes;
            using var optimizer = new DPOptimizer(
                optim.SGD(model.parameters(), 0.5), model, new() { L2NormClip = 0.2, NoiseMultiplier = 0 });
            for (var i = 0; i < 50; i++)
                optimizer.step(() => Toy.Loss(model, x, y, Reduction.None));
            return Toy.Weights(model).SelectMany(w => w.data<double>().ToArray()).ToArray();
        }
    }

    /// <summary>One layer used twice, and two layers that share their weight.</summary>
    private sealed class SharingModel : Module<Tensor, Tensor>
    {
        private readonly TorchSharp.Modules.Linear _twice = Linear(5, 5, dtype: ScalarType.Float64);
        private readonly TorchSharp.Modules.Linear _first;
        private readonly TorchSharp.Modules.Linear _second;

        public SharingModel()
            : base(nameof(SharingModel))
        {
            var shared = Parameter(randn(5, 5, dtype: ScalarType.Float64));
            _first = Linear(5, 5, hasBias: false);
            _second = Linear(5, 5, hasBias: false);
            _first.weight = shared;
            _second.weight = shared;
            RegisterComponents();
        }

        public override Tensor forward(Tensor input) =>
            _second.call(_first.call(_twice.call(_twice.call(input).tanh()).tanh()).tanh());
    }

    private sealed class UnusedLayerModel : Module<Tensor, Tensor>
    {
        private readonly Module<Tensor, Tensor> _used;

        public UnusedLayerModel(Module<Tensor, Tensor> used, Module<Tensor, Tensor> unused)
            : base(nameof(UnusedLayerModel))
        {
            _used = used;
            register_module("used", used);
            register_module("unused", unused);
        }

        public override Tensor forward(Tensor input) => _used.call(input);
    }
}
