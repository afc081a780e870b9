using DpSgd.Accounting;
using DpSgd.Tests.TestKit;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace DpSgd.Tests;

/// <summary>A batch that comes in pieces is trained on as if it had come whole.</summary>
public class DPOptimizerPiecesTests
{
    private const int N = 60;

    public static TheoryData<string, int, bool> Cases
    {
        get
        {
            var data = new TheoryData<string, int, bool>();
            foreach (var kind in new[] { "poisson", "truncated", "fixed", "shuffled" })
            {
                foreach (var most in new[] { 1, 3, 7, 1000 })
                {
                    data.Add(kind, most, false);
                    data.Add(kind, most, true);
                }
            }
            return data;
        }
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public void Weights_ledger_and_noise_are_those_of_the_whole_batch(string kind, int most, bool closure)
    {
        using var scope = NewDisposeScope();
        var (wholeWeights, wholeEvents) = Train(kind, null, 0, closure);
        var (weights, events) = Train(kind, most, 0, closure);
        TensorAssert.AreClose(weights, wholeWeights, 1e-12);
        events.Should().Equal(wholeEvents).And.HaveCount(3 * 6);

        // The same noise, drawn once for a batch and after all its pieces, or the weights would differ.
        TensorAssert.AreClose(Train(kind, most, 1, closure).Weights, Train(kind, null, 1, closure).Weights, 1e-12);
    }

    [Fact]
    public void Weights_and_epsilon_agree_in_single_precision_with_momentum_and_a_secure_sample()
    {
        using var scope = NewDisposeScope();
        var (whole, _) = Train("fixed", null, 0, false, ScalarType.Float32);
        var (pieces, _) = Train("fixed", 4, 0, false, ScalarType.Float32);
        TensorAssert.AreClose(pieces, whole, 1e-6);

        double Epsilon(int? most)
        {
            var model = Toy.Model();
            var (x, y) = Toy.Batch(N);
            using var loader = new PoissonDataLoader(x, y, 10, maxPhysicalBatchSize: most);
            using var optimizer = new DPOptimizer(optim.SGD(model.parameters(), 0.1), model, Toy.Private with { Sampling = loader.Sampling });
            foreach (var (examples, labels) in loader)
            {
                Toy.Backward(model, examples, labels);
                optimizer.step();
            }
            optimizer.Steps.Should().Be(6);
            return optimizer.GetEpsilon(1e-5);
        }
        Epsilon(2).Should().Be(Epsilon(null));
    }

    public static TheoryData<string, int> MicrobatchCases => new()
    {
        { "poisson", 2 }, { "poisson", 7 }, { "truncated", 4 }, { "fixed", 2 }, { "fixed", 5 }, { "shuffled", 7 },
    };

    [Theory]
    [MemberData(nameof(MicrobatchCases))]
    public void Microbatches_are_clipped_whole_whatever_piece_they_are_in(string kind, int most)
    {
        using var scope = NewDisposeScope();
        foreach (var reduction in Enum.GetValues<LossReduction>())
        {
            var model = Toy.Model();
            var parameters = model.parameters().ToList();
            var (x, y) = Toy.Batch(N);
            using var loader = Loader(kind, x, y, most, seed: 4);
            var options = new DPOptimizerOptions
            {
                L2NormClip = 0.05,
                NoiseMultiplier = 0,
                MicrobatchSize = 4,
                LossReduction = reduction,
                Sampling = loader.Sampling,
                Accountant = Ledger(),
            };
            List<long[]> microbatches = [];
            var steps = 0;
            IReadOnlyList<Tensor> gradient = PrivateStep.Gradient(model, parameters, options, optimizer =>
            {
                foreach (var (examples, labels) in loader)
                {
                    // The first batch that has pieces, all of them.
                    var piece = loader.Sampling.Draws!.InHand!;
                    if (piece.IsWhole)
                        continue;
                    steps++;
                    microbatches.AddRange(piece.Microbatches!.Positions().Select(positions => positions.Select(p => loader.Indices[(int)p]).ToArray()));
                    optimizer.zero_grad();
                    Toy.Loss(model, examples, labels, reduction == LossReduction.Sum ? Reduction.Sum : Reduction.Mean).backward();
                    optimizer.step();
                    if (piece.IsLast)
                        break;
                }
                optimizer.Steps.Should().Be(1);
            });

            steps.Should().BeGreaterThan(1);
            var expected = MicrobatchLoop.ClippedSum(parameters, microbatches, i => Toy.Loss(model, x.narrow(0, i, 1), y.narrow(0, i, 1)), 0.05);
            // 10 are expected, in microbatches of 4: three of them.
            TensorAssert.AreClose(gradient, expected.Select(g => g / 3).ToList(), 1e-12);
        }
    }

    [Fact]
    public void A_backward_pass_for_each_microbatch_works_on_pieces()
    {
        using var scope = NewDisposeScope();
        IReadOnlyList<Tensor> Weights(int? most)
        {
            var model = Toy.Model();
            var (x, y) = Toy.Batch(N);
            using var loader = Loader("fixed", x, y, most, seed: 4);
            using var optimizer = new DPOptimizer(
                optim.SGD(model.parameters(), 0.1), model,
                new() { L2NormClip = 0.5, NoiseMultiplier = 0, PerMicrobatchBackward = true, Sampling = loader.Sampling, Accountant = Ledger() });
            foreach (var (examples, labels) in loader)
                optimizer.step(examples.shape[0], i => Toy.Loss(model, examples.index_select(0, i), labels.index_select(0, i)));
            optimizer.Steps.Should().Be(6);
            return Toy.Weights(model);
        }
        TensorAssert.AreClose(Weights(4), Weights(null), 1e-12);
    }

    [Fact]
    public void Until_the_last_piece_nothing_changes_and_nothing_is_counted()
    {
        using var scope = NewDisposeScope();
        var model = Toy.Model();
        var (x, y) = Toy.Batch(N);
        using var loader = new FixedSizeDataLoader(x, y, 10, maxPhysicalBatchSize: 4);
        var ledger = Ledger();
        using var optimizer = new DPOptimizer(optim.SGD(model.parameters(), 0.1, momentum: 0.9), model, Toy.Private with { Sampling = loader.Sampling, Accountant = ledger });
        var before = Toy.Weights(model);
        var piece = 0;
        foreach (var (examples, labels) in loader)
        {
            optimizer.zero_grad();
            Toy.Backward(model, examples, labels);
            optimizer.step();
            optimizer.zero_grad();
            optimizer.parameters().Should().OnlyContain(p => ReferenceEquals(p.grad, null));
            var changes = ++piece % 3 == 0;
            ledger.Events.Should().HaveCount(piece / 3);
            optimizer.Steps.Should().Be(piece / 3);
            Toy.Weights(model).Zip(before).Should().OnlyContain(pair => pair.First.equal(pair.Second).all().ToBoolean() != changes);
            before = Toy.Weights(model);
        }
        piece.Should().Be(18);
    }

    [Fact]
    public void A_piece_that_failed_can_be_tried_again_and_one_that_was_left_out_ends_the_batch()
    {
        using var scope = NewDisposeScope();
        var (whole, _) = Train("fixed", null, 0, false);
        var model = Toy.Model();
        var (x, y) = Toy.Batch(N);
        using var loader = Loader("fixed", x, y, 4, seed: 3);
        var ledger = Ledger();
        using var optimizer = new DPOptimizer(optim.SGD(model.parameters(), 0.1, momentum: 0.9), model, Options(loader, 0) with { Accountant = ledger });
        for (var epoch = 0; epoch < 3; epoch++)
        {
            foreach (var (examples, labels) in loader)
            {
                optimizer.zero_grad();
                // The model fails, the loss fails, the step is refused; then all is well.
                FluentActions.Invoking(() => model.call(examples.narrow(1, 0, 2))).Should().Throw<Exception>();
                optimizer.Invoking(o => o.step(() => throw new InvalidOperationException("in the loss"))).Should().Throw<InvalidOperationException>();
                optimizer.Invoking(o => o.step(() => Toy.Loss(model, examples.repeat(2, 1), labels.repeat(2), Reduction.None))).Should().Throw<InvalidOperationException>();
                optimizer.zero_grad();
                Toy.Backward(model, examples, labels);
                optimizer.step();
                optimizer.Invoking(o => o.step(() => Toy.Loss(model, examples, labels, Reduction.None)))
                    .Should().Throw<InvalidOperationException>().WithMessage("*already made of this piece*");
            }
        }
        TensorAssert.AreClose(Toy.Weights(model), whole, 1e-12);

        // One epoch in which the second piece of the first batch and the last of the second are left out.
        ledger.Events.Clear();
        var piece = 0;
        foreach (var (examples, labels) in loader)
        {
            piece++;
            if (piece is 2 or 6)
                continue;
            void Step() => optimizer.step(() => Toy.Loss(model, examples, labels, Reduction.None));
            if (piece == 3)
                FluentActions.Invoking(Step).Should().Throw<InvalidOperationException>().WithMessage("*piece 2 of 3 of this batch was left out*begins afresh*");
            else
                Step();
            ledger.Events.Should().HaveCount(Math.Max(0, piece / 3 - 2));
        }
    }

    [Fact]
    public void What_was_summed_of_a_batch_that_was_broken_off_is_in_no_other()
    {
        using var scope = NewDisposeScope();
        var (x, y) = Toy.Batch(N);
        IReadOnlyList<Tensor> SecondEpoch(bool breakOff)
        {
            var model = Toy.Model();
            using var loader = Loader("fixed", x, y, 4, seed: 3);
            using var optimizer = new DPOptimizer(optim.SGD(model.parameters(), 0.1), model, Options(loader, 0));
            for (var epoch = 0; epoch < 2; epoch++)
            {
                foreach (var (examples, labels) in loader)
                {
                    if (epoch == 0 && !breakOff)
                        break;
                    Toy.Backward(model, examples, labels);
                    optimizer.step();
                    if (epoch == 0)
                        break;
                }
            }
            return Toy.Weights(model);
        }
        TensorAssert.AreClose(SecondEpoch(true), SecondEpoch(false), 1e-12);
    }

    [Fact]
    public void An_empty_batch_is_a_step_of_noise_alone()
    {
        using var scope = NewDisposeScope();
        var model = Toy.Model();
        var (x, y) = Toy.Batch(N);
        using var loader = new PoissonDataLoader(x, y, 1, maxPhysicalBatchSize: 1, seedForTests: 1);
        using var optimizer = new DPOptimizer(optim.SGD(model.parameters(), 0.1), model, Toy.Private with { Sampling = loader.Sampling });
        var (empty, several) = (0, 0);
        foreach (var (examples, labels) in loader)
        {
            var before = optimizer.Steps;
            var weights = Toy.Weights(model);
            Toy.Backward(model, examples, labels);
            optimizer.step();
            empty += examples.shape[0] == 0 ? 1 : 0;
            several += optimizer.Steps == before ? 1 : 0;
            if (examples.shape[0] == 0)
            {
                optimizer.Steps.Should().Be(before + 1);
                Toy.Weights(model)[0].equal(weights[0]).all().ToBoolean().Should().BeFalse();
            }
        }
        empty.Should().BePositive();
        several.Should().BePositive();
        optimizer.Steps.Should().Be(N);
    }

    [Fact]
    public void A_parameter_group_that_joins_between_pieces_ends_the_batch()
    {
        using var scope = NewDisposeScope();
        var model = Toy.Model();
        var (x, y) = Toy.Batch(N);
        using var loader = new ShuffledDataLoader(x, y, 30, maxPhysicalBatchSize: 20);
        var (first, second) = ((Linear)model[0], (Linear)model[2]);
        foreach (var p in second.parameters())
            p.requires_grad = false;
        var ledger = Ledger();
        using var optimizer = new DPOptimizer(optim.SGD(first.parameters(), 0.1), model, Toy.Private with { Sampling = loader.Sampling, Accountant = ledger });
        var piece = 0;
        foreach (var (examples, labels) in loader)
        {
            void Step() => optimizer.step(() => Toy.Loss(model, examples, labels, Reduction.None));
            if (++piece == 2)
            {
                foreach (var p in second.parameters())
                    p.requires_grad = true;
                optimizer.add_param_group(new SGD.ParamGroup(second.parameters()));
                FluentActions.Invoking(Step).Should().Throw<InvalidOperationException>().WithMessage("*does not have the sum of the pieces before*");
            }
            else
            {
                Step();
            }
        }
        optimizer.Steps.Should().Be(1);
    }

    [Fact]
    public void Optimizers_that_share_a_loader_do_not_share_its_pieces()
    {
        using var scope = NewDisposeScope();
        var (one, other) = (Toy.Model(1), Toy.Model(2));
        var (x, y) = Toy.Batch(N);
        using var loader = new FixedSizeDataLoader(x, y, 10, maxPhysicalBatchSize: 5);
        var options = Toy.Private with { Sampling = loader.Sampling, Accountant = Ledger() };
        using var first = new DPOptimizer(optim.SGD(one.parameters(), 0.1), one, options);
        using var second = new DPOptimizer(optim.SGD(other.parameters(), 0.1), other, options with { MicrobatchSize = 2 });
        foreach (var (examples, labels) in loader)
        {
            // The pieces are cut for the microbatches of the second.
            first.Invoking(o => o.step(() => Toy.Loss(one, examples, labels, Reduction.None))).Should().Throw<InvalidOperationException>().WithMessage("*without regard to the microbatches*a loader for each*");
            second.step(() => Toy.Loss(other, examples, labels, Reduction.None));
            first.Invoking(o => o.step(() => Toy.Loss(one, examples, labels, Reduction.None))).Should().Throw<InvalidOperationException>().WithMessage("*already made*");
        }
        second.Steps.Should().Be(6);

        using var third = new DPOptimizer(optim.SGD(Fresh(out var model).parameters(), 0.1), model, options);
        using var fourth = new DPOptimizer(optim.SGD(Fresh(out var last).parameters(), 0.1), last, options);
        var piece = 0;
        foreach (var (examples, labels) in loader)
        {
            if (piece++ == 0)
                third.step(() => Toy.Loss(model, examples, labels, Reduction.None));
            else
                fourth.Invoking(o => o.step(() => Toy.Loss(last, examples, labels, Reduction.None))).Should().Throw<InvalidOperationException>().WithMessage("*does not have the sum*");
            if (piece == 2)
                break;
        }

        static Sequential Fresh(out Sequential model) => model = Toy.Model(3);
    }

    [Fact]
    public void An_optimizer_made_inside_the_loop_refuses_pieces_that_were_cut_without_it()
    {
        using var scope = NewDisposeScope();
        var model = Toy.Model();
        var (x, y) = Toy.Batch(N);
        using var loader = new FixedSizeDataLoader(x, y, 10, maxPhysicalBatchSize: 5);
        foreach (var (examples, labels) in loader)
        {
            using var optimizer = new DPOptimizer(optim.SGD(model.parameters(), 0.1), model, Toy.Private with { Sampling = loader.Sampling, Accountant = Ledger(), MicrobatchSize = 2 });
            optimizer.Invoking(o => o.step(() => Toy.Loss(model, examples, labels, Reduction.None))).Should().Throw<InvalidOperationException>().WithMessage("*Make the optimizer before the loop*");
            break;
        }
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Non_finite_examples_of_every_piece_are_counted(bool perMicrobatch)
    {
        using var scope = NewDisposeScope();
        var model = Toy.Model();
        var (x, y) = Toy.Batch(12);
        x.fill_(double.NaN);
        using var loader = Loader("fixed", x, y, 4, seed: 3);
        using var optimizer = new DPOptimizer(optim.SGD(model.parameters(), 0.1), model, Options(loader, 0) with { PerMicrobatchBackward = perMicrobatch });
        var expected = 0L;
        foreach (var (examples, labels) in loader)
        {
            if (perMicrobatch)
                optimizer.step(examples.shape[0], i => Toy.Loss(model, examples.index_select(0, i), labels.index_select(0, i)));
            else
                optimizer.step(() => Toy.Loss(model, examples, labels, Reduction.None));
            optimizer.NonFiniteExamples.Should().Be(expected += examples.shape[0]);
        }
        expected.Should().Be(20);
    }

    [Fact]
    public void Pieces_leave_no_tensor_behind()
    {
        using var outer = NewDisposeScope();
        var (x, y) = Toy.Batch(N);
        var model = Toy.Model();
        void Run(bool breakOff)
        {
            using var scope = NewDisposeScope();
            using var loader = Loader("poisson", x, y, 3, 1);
            using var optimizer = new DPOptimizer(optim.SGD(model.parameters(), 0.1), model, Options(loader, 1));
            foreach (var (examples, labels) in loader)
            {
                using (NewDisposeScope())
                    Toy.Backward(model, examples, labels);
                optimizer.step();
                if (breakOff)
                    break;
            }
        }
        Run(false);
        var before = LiveTensors.Settled();
        Run(false);
        Run(true);
        (Tensor.TotalCount - before).Should().Be(0);
    }

    private static (IReadOnlyList<Tensor> Weights, IReadOnlyList<DpEvent> Events) Train(
        string kind, int? most, double noise, bool closure, ScalarType type = ScalarType.Float64)
    {
        var model = Toy.Model(type: type);
        var (x, y) = Toy.Batch(N, type: type);
        using var loader = Loader(kind, x, y, most, seed: 3);
        var ledger = Ledger();
        using var optimizer = new DPOptimizer(
            optim.SGD(model.parameters(), 0.1, momentum: 0.9), model,
            Options(loader, noise) with { Accountant = ledger });
        for (var epoch = 0; epoch < 3; epoch++)
        {
            foreach (var (examples, labels) in loader)
            {
                optimizer.zero_grad();
                if (closure)
                {
                    optimizer.step(() => Toy.Loss(model, examples, labels, Reduction.None)).shape[0].Should().Be(examples.shape[0]);
                }
                else
                {
                    Toy.Backward(model, examples, labels);
                    optimizer.step();
                }
            }
        }
        optimizer.Steps.Should().Be(18);
        return (Toy.Weights(model), ledger.Events);
    }

    private static DPOptimizerOptions Options(DPDataLoader<(Tensor, Tensor)> loader, double noise) => new()
    {
        L2NormClip = 0.5,
        NoiseMultiplier = noise,
        Sampling = loader.Sampling,
        Noise = NoiseSource.SeededForTests(1),
        Accountant = Ledger(),
    };

    private static RecordingAccountant Ledger() => new() { NeighboringRelation = NeighboringRelation.ReplaceOne };

    private static DPDataLoader<(Tensor Examples, Tensor Labels)> Loader(string kind, Tensor x, Tensor y, int? most, int seed) => kind switch
    {
        "poisson" => new PoissonDataLoader(x, y, 10, maxPhysicalBatchSize: most, seedForTests: seed, prefetch: 2),
        "truncated" => new TruncatedPoissonDataLoader(x, y, 10, 12, maxPhysicalBatchSize: most, seedForTests: seed),
        "fixed" => new FixedSizeDataLoader(x, y, 10, maxPhysicalBatchSize: most, seedForTests: seed),
        _ => new ShuffledDataLoader(x, y, 10, maxPhysicalBatchSize: most, seedForTests: seed),
    };
}
