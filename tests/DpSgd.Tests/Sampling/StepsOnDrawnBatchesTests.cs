using DpSgd.Accounting;
using DpSgd.Tests.TestKit;
using TorchSharp;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace DpSgd.Tests.Sampling;

/// <summary>A step is made of a batch that the declared sampling drew, and of nothing else.</summary>
public class StepsOnDrawnBatchesTests
{
    private const int N = 46;

    public static TheoryData<BatchSampling, int[], int[]> Sizes => new()
    {
        { new PoissonSampling(0.1, 12), [0, 1, 12], [13] },
        { new TruncatedPoissonSampling(0.1, 12, 5), [0, 5], [6] },
        { new FixedSizeSampling(5, 12), [5], [0, 4, 6] },
        { new ShuffledSampling(5, 12), [5, 2], [0, 1, 3, 4, 6] },
        { new ShuffledSampling(6, 12), [6], [0, 5, 7] },
    };

    [Theory]
    [MemberData(nameof(Sizes))]
    public void A_size_that_the_sampling_cannot_have_is_refused(BatchSampling sampling, int[] good, int[] bad)
    {
        using var scope = NewDisposeScope();
        var model = Toy.Model();
        var (x, y) = Toy.Batch(13);
        var ledger = Ledger();
        using var optimizer = new DPOptimizer(optim.SGD(model.parameters(), 0.1), model, Toy.Private with { Sampling = sampling, Accountant = ledger });
        void Step(int size)
        {
            Toy.Backward(model, x.narrow(0, 0, size), y.narrow(0, 0, size));
            optimizer.step();
        }
        foreach (var size in good)
            Step(size);
        ledger.Events.Should().HaveCount(good.Length);
        var before = Toy.Weights(model);
        foreach (var size in bad)
            FluentActions.Invoking(() => Step(size)).Should().Throw<InvalidOperationException>().WithMessage($"*the batch has {size} examples*{sampling.GetType().Name}*");
        ledger.Events.Should().HaveCount(good.Length);
        model.ShouldBeUnchanged(before);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(3)]
    public void A_batch_of_another_loader_or_one_that_is_gone_is_refused_though_its_size_is_right(int prefetch)
    {
        using var scope = NewDisposeScope();
        var model = Toy.Model();
        var (x, y) = Toy.Batch(N);
        using var loader = new FixedSizeDataLoader(x, y, 5, prefetch: prefetch);
        using var other = new FixedSizeDataLoader(x, y, 5, prefetch: prefetch);
        var ledger = Ledger();
        using var optimizer = new DPOptimizer(optim.SGD(model.parameters(), 0.1), model, Toy.Private with { Sampling = loader.Sampling, Accountant = ledger });

        // Two loops side by side.
        foreach (var (mine, others) in loader.Zip(other))
        {
            Toy.Backward(model, others.Examples, others.Labels);
            optimizer.Invoking(o => o.step()).Should().Throw<InvalidOperationException>().WithMessage("*another loader*");
            Toy.Backward(model, mine.Examples, mine.Labels);
            optimizer.step();
        }
        ledger.Events.Should().HaveCount(10);

        // The other's loop alone.
        foreach (var (examples, labels) in other)
        {
            Toy.Backward(model, examples, labels);
            optimizer.Invoking(o => o.step()).Should().Throw<InvalidOperationException>().WithMessage("*no batch out*");
            break;
        }

        // The backward pass was made on the batch before.
        using var batches = loader.GetEnumerator();
        batches.MoveNext();
        Toy.Backward(model, batches.Current.Examples, batches.Current.Labels);
        batches.MoveNext();
        optimizer.Invoking(o => o.step()).Should().Throw<InvalidOperationException>().WithMessage("*one that is gone*");
        ledger.Events.Should().HaveCount(10);

        // Evaluation on another loader in between disturbs nothing.
        Toy.Backward(model, batches.Current.Examples, batches.Current.Labels);
        using (no_grad())
        {
            foreach (var (examples, labels) in other)
                Toy.Loss(model, examples, labels);
        }
        optimizer.step();
        ledger.Events.Should().HaveCount(11);
    }

    [Fact]
    public void A_batch_that_was_made_ahead_counts_from_when_the_loop_has_it()
    {
        using var scope = NewDisposeScope();
        var model = Toy.Model();
        var (x, y) = Toy.Batch(N);
        using var loader = new PoissonDataLoader(x, y, 10, prefetch: 4);
        var ledger = new RecordingAccountant();
        using var optimizer = new DPOptimizer(optim.SGD(model.parameters(), 0.1), model, Toy.Private with { Sampling = loader.Sampling, Accountant = ledger });
        void Step(Tensor examples, Tensor labels) => optimizer.step(() => Toy.Loss(model, examples, labels, Reduction.None));
        using var batches = loader.GetEnumerator();
        FluentActions.Invoking(() => Step(x, y)).Should().Throw<InvalidOperationException>().WithMessage("*no batch out*");
        while (batches.MoveNext())
        {
            Step(batches.Current.Examples, batches.Current.Labels);
            FluentActions.Invoking(() => Step(batches.Current.Examples, batches.Current.Labels)).Should().Throw<InvalidOperationException>().WithMessage("*already made of this batch*");
        }
        FluentActions.Invoking(() => Step(x, y)).Should().Throw<InvalidOperationException>().WithMessage("*no batch out*");
        ledger.Events.Should().HaveCount(5);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(2)]
    public void An_empty_batch_that_is_left_out_ends_the_training(int prefetch)
    {
        using var scope = NewDisposeScope();
        var model = Toy.Model();
        var (x, y) = Toy.Batch(40);
        using var loader = new PoissonDataLoader(x, y, 1, seedForTests: 5, prefetch: prefetch);
        using var optimizer = new DPOptimizer(optim.SGD(model.parameters(), 0.1), model, Toy.Private with { Sampling = loader.Sampling });
        void Train(bool leaveOutEmptyOnes)
        {
            foreach (var (examples, labels) in loader)
            {
                if (examples.shape[0] > 0 || !leaveOutEmptyOnes)
                    optimizer.step(() => Toy.Loss(model, examples, labels, Reduction.None));
            }
        }

        // To look at the data is no training.
        loader.Count(batch => batch.Examples.shape[0] == 0).Should().BeInRange(5, 30);
        Train(leaveOutEmptyOnes: false);
        optimizer.Steps.Should().Be(40);

        FluentActions.Invoking(() => Train(leaveOutEmptyOnes: true)).Should().Throw<InvalidOperationException>().WithMessage("*an empty batch was left out*");
        var before = Toy.Weights(model);
        FluentActions.Invoking(() => Train(leaveOutEmptyOnes: false)).Should().Throw<InvalidOperationException>("the step is still missing").WithMessage("*an empty batch was left out*");
        model.ShouldBeUnchanged(before);
    }

    [Fact]
    public void Batches_that_are_left_out_are_counted_for_who_has_the_data()
    {
        using var scope = NewDisposeScope();
        using var folder = new TemporaryFolder();
        var path = Path.Combine(folder.Path, "run.ckpt");
        var (x, y) = Toy.Batch(N);
        for (var life = 1; life <= 2; life++)
        {
            var model = Toy.Model();
            using var loader = new FixedSizeDataLoader(x, y, 5, maxPhysicalBatchSize: 3);
            using var optimizer = new DPOptimizer(
                optim.SGD(model.parameters(), 0.1), model,
                Toy.Private with { Sampling = loader.Sampling, Accountant = new RdpAccountant(neighboringRelation: NeighboringRelation.ReplaceOne) });
            if (life == 2)
                optimizer.LoadCheckpoint(path);
            loader.Count(_ => true).Should().Be(20);   // no training
            var pieces = 0;
            foreach (var (examples, labels) in loader)
            {
                // Of the second and the fourth batch a piece each is left out.
                if (pieces++ is not (3 or 6))
                {
                    if (pieces is 8)
                        optimizer.Invoking(o => o.step(() => Toy.Loss(model, examples, labels, Reduction.None))).Should().Throw<InvalidOperationException>().WithMessage("*left out*");
                    else
                        optimizer.step(() => Toy.Loss(model, examples, labels, Reduction.None));
                }
                if (pieces == 12)
                    break;   // whatever ends a loop leaves nothing out
            }
            optimizer.Guarantee(1e-5).BatchesLeftOut.Should().Be(2 * life);
            optimizer.Guarantee(1e-5).ToString().Should().EndWith($"of {2 * life} batches no step was made.").And.Contain("- No batch was left out because of what was in it.");
            optimizer.SaveCheckpoint(path);
        }
    }

    [Fact]
    public void A_sampling_that_says_other_than_its_loader_does_is_refused()
    {
        using var scope = NewDisposeScope();
        var model = Toy.Model();
        var (x, y) = Toy.Batch(N);
        using var loader = new PoissonDataLoader(x, y, 10, seedForTests: 1);
        using var fixedSize = new FixedSizeDataLoader(x, y, 10);
        BatchSampling[] lies =
        [
            loader.Sampling with { Probability = 0.001 },
            loader.Sampling with { DatasetSize = 1_000_000 },
            loader.Sampling with { IsSecret = true },
            fixedSize.Sampling with { BatchSize = 1 },
        ];
        foreach (var lie in lies)
        {
            FluentActions.Invoking(() => new DPOptimizer(optim.SGD(model.parameters(), 0.1), model, Toy.Private with { Sampling = lie, Accountant = Ledger() }))
                .Should().Throw<ArgumentException>().WithParameterName("Sampling").WithMessage("*Sampling = loader.Sampling*");
        }
        using var optimizer = new DPOptimizer(optim.SGD(model.parameters(), 0.1), model, Toy.Private with { Sampling = loader.Sampling with { } });
    }

    [Theory]
    [InlineData(NeighboringRelation.ReplaceOne)]
    [InlineData(NeighboringRelation.ReplaceSpecial)]
    public void A_shuffled_epoch_costs_one_Gaussian_however_it_is_cut_and_breaking_it_off_saves_nothing(NeighboringRelation relation)
    {
        using var scope = NewDisposeScope();
        var model = Toy.Model();
        var (x, y) = Toy.Batch(N);
        using var loader = new ShuffledDataLoader(x, y, 10, maxPhysicalBatchSize: 6);
        loader.Count.Should().Be(5);
        var accountant = new RdpAccountant(neighboringRelation: relation);
        using var optimizer = new DPOptimizer(optim.SGD(model.parameters(), 0.1), model, Toy.Private with { Sampling = loader.Sampling, Accountant = accountant, NoiseMultiplier = 2 });
        double Gaussians(int count)
        {
            var other = new RdpAccountant(neighboringRelation: relation);
            other.Compose(new GaussianDpEvent(2), count);
            return other.GetEpsilon(1e-5);
        }
        void Step(Tensor examples, Tensor labels) => optimizer.step(() => Toy.Loss(model, examples, labels, Reduction.None));

        for (var epoch = 1; epoch <= 2; epoch++)
        {
            foreach (var (examples, labels) in loader)
            {
                Step(examples, labels);
                if (loader.Sampling.Draws!.InHand!.IsLast)
                    optimizer.GetEpsilon(1e-5).Should().Be(Gaussians(epoch), "the first step of an epoch pays for it");
            }
            optimizer.Steps.Should().Be(5 * epoch);
        }
        foreach (var (examples, labels) in loader)
        {
            Step(examples, labels);
            if (optimizer.Steps == 11)
                break;
        }
        optimizer.GetEpsilon(1e-5).Should().Be(Gaussians(3));
        foreach (var (examples, labels) in loader)
            Step(examples, labels);
        optimizer.GetEpsilon(1e-5).Should().Be(Gaussians(4));
        accountant.Ledger.Sum(entry => entry.Count).Should().Be(optimizer.Steps, "every step is in the ledger");
    }

    [Fact]
    public void Batches_left_out_are_counted_over_all_epochs_in_which_there_were_steps()
    {
        using var scope = NewDisposeScope();
        var model = Toy.Model();
        var (x, y) = Toy.Batch(50);
        using var loader = new FixedSizeDataLoader(x, y, 10);
        using var optimizer = new DPOptimizer(
            optim.SGD(model.parameters(), 0.1), model,
            Toy.Private with { Sampling = loader.Sampling, Accountant = new RdpAccountant(neighboringRelation: NeighboringRelation.ReplaceOne) });
        long LeftOut() => optimizer.Guarantee(1e-5).BatchesLeftOut;
        void Step((Tensor Examples, Tensor Labels) batch) => optimizer.step(() => Toy.Loss(model, batch.Examples, batch.Labels, Reduction.None));

        foreach (var _ in loader)
            LeftOut().Should().Be(0, "without steps it is no training");

        for (var epoch = 1; epoch <= 2; epoch++)
        {
            var batches = 0;
            foreach (var batch in loader)
            {
                if (batches++ is not (1 or 3))
                    Step(batch);
            }
            LeftOut().Should().Be(2 * epoch);
        }

        // Two loops take turns: the first leaves out its second and its third batch, one on each side of the other's.
        using var first = loader.GetEnumerator();
        using var second = loader.GetEnumerator();
        first.MoveNext();
        Step(first.Current);
        first.MoveNext();
        first.MoveNext();
        LeftOut().Should().Be(5);
        second.MoveNext();
        Step(second.Current);
        first.MoveNext();
        LeftOut().Should().Be(6);
    }

    [Fact]
    public void With_seeded_noise_no_step_of_a_shuffled_epoch_is_paid_for_by_another()
    {
        using var scope = NewDisposeScope();
        var model = Toy.Model();
        var (x, y) = Toy.Batch(N);
        using var loader = new ShuffledDataLoader(x, y, 10);
        var ledger = Ledger();
        using var optimizer = new DPOptimizer(
            optim.SGD(model.parameters(), 0.1), model,
            Toy.Private with { Sampling = loader.Sampling, Accountant = ledger, Noise = NoiseSource.SeededForTests(1) });
        foreach (var (examples, labels) in loader)
            optimizer.step(() => Toy.Loss(model, examples, labels, Reduction.None));
        ledger.Events.Should().HaveCount(5).And.OnlyContain(step => step is NonPrivateDpEvent);
    }

    [Fact]
    public void Two_optimizers_of_one_shuffled_loader_each_pay_for_their_epoch()
    {
        using var scope = NewDisposeScope();
        var (one, other) = (Toy.Model(1), Toy.Model(2));
        var (x, y) = Toy.Batch(N);
        using var loader = new ShuffledDataLoader(x, y, 10);
        var (ledger, second) = (Ledger(), Ledger());
        using var first = new DPOptimizer(optim.SGD(one.parameters(), 0.1), one, Toy.Private with { Sampling = loader.Sampling, Accountant = ledger });
        using var last = new DPOptimizer(optim.SGD(other.parameters(), 0.1), other, Toy.Private with { Sampling = loader.Sampling, Accountant = second });
        var batch = 0;
        foreach (var (examples, labels) in loader)
        {
            var (optimizer, model) = batch++ % 2 == 0 ? (first, one) : (last, other);
            optimizer.step(() => Toy.Loss(model, examples, labels, Reduction.None));
        }
        ledger.Events.Should().Equal(new GaussianDpEvent(1), new NoOpDpEvent(), new NoOpDpEvent());
        second.Events.Should().Equal(new GaussianDpEvent(1), new NoOpDpEvent());
    }

    [Fact]
    public void A_shuffling_that_no_loader_vouches_for_pays_for_every_step()
    {
        using var scope = NewDisposeScope();
        var model = Toy.Model();
        var (x, y) = Toy.Batch(10);
        var ledger = Ledger();
        using var optimizer = new DPOptimizer(optim.SGD(model.parameters(), 0.1), model, Toy.Private with { Sampling = new ShuffledSampling(10, 40), Accountant = ledger });
        for (var i = 0; i < 3; i++)
            optimizer.step(() => Toy.Loss(model, x, y, Reduction.None));
        ledger.Events.Should().Equal(new GaussianDpEvent(1), new GaussianDpEvent(1), new GaussianDpEvent(1));
    }

    [Fact]
    public void The_last_batch_of_an_epoch_is_divided_by_the_batch_size_too()
    {
        using var scope = NewDisposeScope();
        var model = Toy.Model();
        var (x, y) = Toy.Batch(4);
        IReadOnlyList<Tensor> Gradient(BatchSampling? sampling) => PrivateStep.Gradient(
            model, model.parameters().ToList(), new() { L2NormClip = 0.5, NoiseMultiplier = 0, Sampling = sampling, Accountant = Ledger() },
            optimizer => optimizer.step(() => Toy.Loss(model, x, y, Reduction.None)));
        TensorAssert.AreClose(Gradient(new ShuffledSampling(10, 44)), Gradient(null).Select(g => g * 4 / 10).ToList(), 1e-12);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Batches_of_fixed_size_are_divided_at_random_into_equal_microbatches(bool shuffled)
    {
        using var scope = NewDisposeScope();
        BatchSampling sampling = shuffled ? new ShuffledSampling(10, 40) : new FixedSizeSampling(10, 40);
        var microbatching = new DpSgd.Clipping.Microbatching(Toy.Private with { Sampling = sampling, MicrobatchSize = 4 });
        // Whether examples 0 and 1 share a microbatch of 4, 4 and 2: (2 * 6 + 1) of 45 pairs do; 7 standard errors of 5,000.
        var together = Enumerable.Range(0, 5_000).Count(_ =>
        {
            var microbatches = microbatching.Divide(10);
            microbatches.Sizes.Should().Equal(4, 4, 2);
            return microbatches.Positions().Any(positions => positions.Contains(0) && positions.Contains(1));
        });
        together.Should().BeInRange((int)(5_000 * 13 / 45.0) - 7 * 33, (int)(5_000 * 13 / 45.0) + 7 * 33);
        microbatching.Divide(5).Sizes!.Sum().Should().Be(5);
    }

    private static RecordingAccountant Ledger() => new() { NeighboringRelation = NeighboringRelation.ReplaceOne };
}
