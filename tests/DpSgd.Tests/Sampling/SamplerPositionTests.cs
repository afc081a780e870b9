using DpSgd.Accounting;
using DpSgd.Tests.TestKit;
using TorchSharp;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace DpSgd.Tests.Sampling;

/// <summary>A run that goes on from a checkpoint goes on in its epoch, and pays for what of it is drawn again.</summary>
public sealed class SamplerPositionTests : IDisposable
{
    private const int N = 46;

    private readonly TemporaryFolder _folder = new();

    private string Checkpoint => Path.Combine(_folder.Path, "run.ckpt");

    public void Dispose() => _folder.Dispose();

    public static TheoryData<string, int?, int> Kinds
    {
        get
        {
            var data = new TheoryData<string, int?, int>();
            foreach (var kind in new[] { "poisson", "truncated", "fixed" })
            {
                data.Add(kind, null, 0);
                data.Add(kind, 3, 2);
            }
            return data;
        }
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public void Batches_that_are_drawn_anew_each_time_go_on_with_those_that_are_left(string kind, int? most, int prefetch)
    {
        using var scope = NewDisposeScope();
        List<List<long>> Batches(Run run, int? saveAfter = null, bool beforeItsStep = false)
        {
            var drawn = new List<List<long>>();
            BatchPiece? last = null;
            foreach (var (x, y) in run.Loader)
            {
                var piece = run.Loader.Sampling.Draws!.InHand!;
                if (last?.IsOfBatchOf(piece) != true)
                    drawn.Add([]);
                last = piece;
                drawn[^1].AddRange(run.Loader.Indices);
                if (beforeItsStep && piece.IsLast && drawn.Count - 1 == saveAfter)
                    run.Optimizer.SaveCheckpoint(Checkpoint);
                run.Step(x, y);
                if (!beforeItsStep && piece.IsLast && drawn.Count == saveAfter)
                    run.Optimizer.SaveCheckpoint(Checkpoint);
            }
            return drawn;
        }

        // With a seed it can be seen that they are the same as without the break.
        foreach (var (saveAfter, beforeItsStep) in new[] { (2, false), (2, true), (5, false), (0, true) })
        {
            List<List<long>> first, second;
            using (var whole = new Run(kind, most, prefetch, seed: 3))
            {
                Batches(whole);
                first = Batches(whole, saveAfter, beforeItsStep);
                second = Batches(whole);
            }
            first.Should().HaveCount(5);
            using var resumed = new Run(kind, most, prefetch, seed: 3);
            resumed.Optimizer.LoadCheckpoint(Checkpoint);
            resumed.Optimizer.Steps.Should().Be(5 + saveAfter);
            if (saveAfter < 5)
                Batches(resumed).Should().BeEquivalentTo(first[saveAfter..], strict => strict.WithStrictOrdering());
            Batches(resumed).Should().BeEquivalentTo(second, strict => strict.WithStrictOrdering());
        }

        // Without one they are new: 46 examples in three batches of ten agree by chance less than once in 10^15.
        List<List<long>> old;
        using (var secret = new Run(kind, most, prefetch))
            old = Batches(secret, saveAfter: 2);
        using var other = new Run(kind, most, prefetch);
        other.Optimizer.LoadCheckpoint(Checkpoint);
        var rest = Batches(other);
        rest.Should().HaveCount(3);
        rest.SelectMany(batch => batch).Should().NotEqual(old[2..].SelectMany(batch => batch));
        Batches(other).Should().HaveCount(5);
        other.Optimizer.Guarantee(1e-5).Events.Sum(entry => entry.Count).Should().Be(5 + 3 + 5, "the steps after the checkpoint are in its journal");
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_shuffled_epoch_begins_anew_and_is_paid_for_again(bool killed)
    {
        using var scope = NewDisposeScope();
        var first = new Run("shuffled", null, 0);
        foreach (var (x, y) in first.Loader)
        {
            first.Step(x, y);
            if (first.Optimizer.Steps == 2)
                first.Optimizer.SaveCheckpoint(Checkpoint);
            if (first.Optimizer.Steps == 3 && killed)
                break;
        }
        first.Dispose();
        using var resumed = new Run("shuffled", null, 0);
        resumed.Optimizer.LoadCheckpoint(Checkpoint);
        var times = new int[N];
        foreach (var (x, y) in resumed.Loader)
        {
            foreach (var example in resumed.Loader.Indices)
                times[example]++;
            resumed.Step(x, y);
        }
        times.Should().OnlyContain(count => count == 1, "that is what is paid for");
        var events = resumed.Optimizer.Guarantee(1e-5).Events.ToDictionary(entry => entry.Event, entry => entry.Count);
        events[new GaussianDpEvent(1)].Should().Be(2, "an example was in both epochs");
        events[new NoOpDpEvent()].Should().Be((killed ? 2 : 4) + 4);
    }

    [Fact]
    public void Between_loops_and_in_a_loop_that_was_left_the_next_one_is_whole()
    {
        using var scope = NewDisposeScope();
        using (var run = new Run("fixed", null, 0))
        {
            foreach (var (x, y) in run.Loader)
            {
                run.Step(x, y);
                if (run.Optimizer.Steps == 3)
                    break;
            }
            run.Optimizer.SaveCheckpoint(Checkpoint);
        }
        using var resumed = new Run("fixed", null, 0);
        resumed.Optimizer.LoadCheckpoint(Checkpoint);
        resumed.Loader.Sampling.Draws!.Position.Should().Be(new SamplerPosition(1, 0));
        resumed.Loader.Count(_ => true).Should().Be(5);
    }

    [Fact]
    public void A_loop_that_is_running_when_a_checkpoint_is_loaded_goes_on_as_it_is()
    {
        using var scope = NewDisposeScope();
        using var run = new Run("fixed", null, 0);
        var batches = 0;
        foreach (var (x, y) in run.Loader)
        {
            batches++;
            run.Step(x, y);
            if (batches == 2)
                run.Optimizer.SaveCheckpoint(Checkpoint);
            if (batches == 4)
                run.Optimizer.LoadCheckpoint(Checkpoint);
        }
        batches.Should().Be(5);
        run.Optimizer.Steps.Should().Be(3);
        run.Loader.Count(_ => true).Should().Be(5);
    }

    [Fact]
    public void Batches_left_out_after_a_checkpoint_are_forgotten_with_the_steps_after_it()
    {
        using var scope = NewDisposeScope();
        using var run = new Run("fixed", null, 0);
        var batches = 0;
        foreach (var (x, y) in run.Loader)
        {
            batches++;
            if (batches == 1)
                run.Step(x, y);
            if (batches == 3)
                run.Optimizer.SaveCheckpoint(Checkpoint);   // the second was left out
            if (batches == 5)
                run.Optimizer.LoadCheckpoint(Checkpoint);   // and so were the third and the fourth
        }
        batches.Should().Be(5);
        // Of the fifth no step is made after loading.
        run.Optimizer.Guarantee(1e-5).BatchesLeftOut.Should().Be(2);
    }

    [Fact]
    public void A_checkpoint_in_the_middle_of_a_batch_has_nothing_of_its_pieces()
    {
        using var scope = NewDisposeScope();
        using (var run = new Run("fixed", 4, 0))
        {
            var pieces = 0;
            foreach (var (x, y) in run.Loader)
            {
                run.Step(x, y);
                if (++pieces == 4)
                    run.Optimizer.SaveCheckpoint(Checkpoint);   // one batch of three pieces, and a piece
            }
        }
        using var resumed = new Run("fixed", 4, 0);
        resumed.Optimizer.LoadCheckpoint(Checkpoint);
        resumed.Optimizer.Steps.Should().Be(1);
        foreach (var (x, y) in resumed.Loader)
            resumed.Step(x, y);
        resumed.Optimizer.Steps.Should().Be(5);
    }

    /// <summary>A model in training on batches of a loader.</summary>
    private sealed class Run : IDisposable
    {
        private readonly TorchSharp.Modules.Sequential _model = Toy.Model();

        public Run(string kind, int? most, int prefetch, int? seed = null)
        {
            var (x, y) = Toy.Batch(N);
            Loader = kind switch
            {
                "poisson" => new PoissonDataLoader(x, y, 10, seedForTests: seed, maxPhysicalBatchSize: most, prefetch: prefetch),
                "truncated" => new TruncatedPoissonDataLoader(x, y, 10, 10, seedForTests: seed, maxPhysicalBatchSize: most, prefetch: prefetch),
                "fixed" => new FixedSizeDataLoader(x, y, 10, seedForTests: seed, maxPhysicalBatchSize: most, prefetch: prefetch),
                _ => new ShuffledDataLoader(x, y, 10, seedForTests: seed, maxPhysicalBatchSize: most, prefetch: prefetch),
            };
            IPrivacyAccountant accountant = kind switch
            {
                "fixed" => new RdpAccountant(neighboringRelation: NeighboringRelation.ReplaceOne),
                "shuffled" => new RdpAccountant(neighboringRelation: NeighboringRelation.ReplaceSpecial),
                "truncated" => new PldAccountant(),
                _ => new RdpAccountant(),
            };
            Optimizer = new(optim.SGD(_model.parameters(), 0.1), _model, Toy.Private with { Sampling = Loader.Sampling, Accountant = accountant });
        }

        public DPDataLoader<(Tensor Examples, Tensor Labels)> Loader { get; }

        public DPOptimizer Optimizer { get; }

        public void Step(Tensor x, Tensor y) => Optimizer.step(() => Toy.Loss(_model, x, y, Reduction.None));

        public void Dispose()
        {
            Optimizer.Dispose();
            Loader.Dispose();
        }
    }
}
