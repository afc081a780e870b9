using DpSgd.Accounting;
using DpSgd.Tests.TestKit;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace DpSgd.Tests.Checkpoints;

/// <summary>A run that goes on from a checkpoint goes on as if it had never stopped, and forgets nothing.</summary>
public sealed class CheckpointTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    private string File1 => Path.Combine(_folder.Path, "run.ckpt");

    public void Dispose() => _folder.Dispose();

    [Theory]
    [MemberData(nameof(WrappedOptimizers.Names), MemberType = typeof(WrappedOptimizers))]
    public void Training_goes_on_to_the_same_weights(string name)
    {
        foreach (var type in new[] { ScalarType.Float32, ScalarType.Float64 })
        {
            using var scope = NewDisposeScope();
            var whole = new Run(_ => WrappedOptimizers.All[name](_), type);
            whole.Take(3);
            whole.Optimizer.SaveCheckpoint(File1);
            whole.Take(4);
            whole.Optimizer.Dispose();

            var second = new Run(_ => WrappedOptimizers.All[name](_), type, seed: 9);
            second.Take(1);   // so that it has other weights and other state
            var fresh = new Run(_ => WrappedOptimizers.All[name](_), type, seed: 10);
            foreach (var resumed in new[] { second, fresh })
            {
                using (NewDisposeScope())   // what is loaded must outlive the scope that it was loaded in
                    resumed.Optimizer.LoadCheckpoint(File1);
                resumed.Optimizer.Steps.Should().Be(3);
                resumed.Take(4);
                foreach (var (actual, expected) in Toy.Weights(resumed.Model).Zip(Toy.Weights(whole.Model)))
                    actual.equal(expected).all().ToBoolean().Should().BeTrue();
                resumed.Optimizer.Dispose();
            }
            File.Delete(File1 + ".steps");
        }
    }

    [Fact]
    public void Learning_rates_come_back_as_a_schedule_left_them()
    {
        using var scope = NewDisposeScope();
        var first = new Run(p => optim.SGD(p, 0.5));
        optim.lr_scheduler.StepLR(first.Optimizer, 1, 0.1).step();
        first.Optimizer.SaveCheckpoint(File1);
        first.Optimizer.Dispose();
        var second = new Run(p => optim.SGD(p, 0.7));
        second.Optimizer.LoadCheckpoint(File1);
        second.Optimizer.ParamGroups.Single().LearningRate.Should().BeApproximately(0.05, 1e-12);
        second.Optimizer.ParamGroups.Single().InitialLearningRate.Should().Be(0.5);
    }

    [Fact]
    public void The_ledger_goes_on_and_epsilon_covers_both_parts()
    {
        using var scope = NewDisposeScope();
        var options = Toy.Private with { Sampling = new PoissonSampling(0.1, 50), NoiseMultiplier = 2 };
        var first = new Run(options);
        first.X[1, 1] = double.NaN;
        first.Take(3);
        first.Optimizer.SaveCheckpoint(File1);
        first.Optimizer.Dispose();

        var accountant = new PldAccountant();   // another accountant, the same events
        var second = new Run(options with { Accountant = accountant });
        second.Optimizer.LoadCheckpoint(File1);
        second.Optimizer.NonFiniteExamples.Should().Be(3);
        second.Take(2);
        var expected = new PldAccountant();
        expected.Compose(new PoissonSampledDpEvent(0.1, new GaussianDpEvent(2)), 5);
        second.Optimizer.GetEpsilon(1e-5).Should().Be(expected.GetEpsilon(1e-5));
        second.Optimizer.Steps.Should().Be(5);
        second.Optimizer.Guarantee(1e-5).Events.Should().Equal(expected.Ledger);
        second.Optimizer.Dispose();
    }

    [Fact]
    public void Steps_after_the_last_checkpoint_are_in_the_ledger_of_the_run_that_goes_on()
    {
        using var scope = NewDisposeScope();
        var first = new Run(Toy.Private);
        first.Take(2);
        first.Optimizer.SaveCheckpoint(File1);
        first.Take(3);
        first.Optimizer.Dispose();   // or it is killed: to the file that is the same

        var second = new Run(Toy.Private);
        second.Optimizer.LoadCheckpoint(File1);
        second.Optimizer.Steps.Should().Be(2, "the weights are those of two steps");
        second.Events.Should().Be(5, "but those after five may have been seen");
        second.Take(1);
        second.Optimizer.Dispose();

        // Killed before it saves: what both did is remembered.
        var third = new Run(Toy.Private);
        third.Optimizer.LoadCheckpoint(File1);
        third.Events.Should().Be(6);
        third.Take(1);
        third.Optimizer.SaveCheckpoint(File1);
        third.Take(1);
        third.Optimizer.Dispose();

        // The checkpoint before it has the same journal.
        var fourth = new Run(Toy.Private);
        fourth.Optimizer.LoadCheckpoint(File1 + ".previous");
        fourth.Optimizer.Steps.Should().Be(2);
        fourth.Events.Should().Be(8);
        fourth.Optimizer.Dispose();

        // Without its journal a checkpoint covers what is in it.
        File.Delete(File1 + ".steps");
        var alone = new RdpAccountant();
        DPOptimizer.ReadLedger(File1, alone);
        alone.Ledger.Sum(entry => entry.Count).Should().Be(7);
        var fifth = new Run(Toy.Private);
        fifth.Optimizer.LoadCheckpoint(File1);
        fifth.Events.Should().Be(7);
        fifth.Optimizer.Dispose();
    }

    [Fact]
    public void Whichever_of_its_checkpoints_a_run_goes_on_from_no_step_is_forgotten()
    {
        using var scope = NewDisposeScope();
        var paths = Enumerable.Range(0, 3).Select(i => Path.Combine(_folder.Path, $"epoch{i}.ckpt")).ToArray();
        var run = new Run(Toy.Private);
        foreach (var path in paths)
        {
            run.Take(2);
            run.Optimizer.SaveCheckpoint(path);
        }
        run.Take(1);
        File.Delete(paths[1]);   // its journal is not needed any more
        run.Optimizer.SaveCheckpoint(paths[0] + ".best");
        File.Delete(paths[1] + ".steps");
        run.Take(1);
        run.Optimizer.Dispose();
        File.Exists(paths[1] + ".steps").Should().BeFalse();
        foreach (var (path, steps) in new[] { (paths[0], 2), (paths[2], 6), (paths[0] + ".best", 7) })
        {
            var resumed = new Run(Toy.Private);
            resumed.Optimizer.LoadCheckpoint(path);
            resumed.Optimizer.Steps.Should().Be(steps);
            resumed.Events.Should().Be(8, "weights after eight steps may have been seen");
            resumed.Optimizer.Dispose();
        }
    }

    [Fact]
    public void A_checkpoint_belongs_to_one_optimizer_at_a_time()
    {
        using var scope = NewDisposeScope();
        var (first, second) = (new Run(Toy.Private), new Run(Toy.Private));
        first.Take(1);
        first.Optimizer.SaveCheckpoint(File1);
        first.Take(1);
        var files = Directory.GetFiles(_folder.Path).Where(path => !path.EndsWith(".lock")).ToDictionary(path => path, File.ReadAllBytes);
        foreach (var action in new Action<DPOptimizer>[] { o => o.LoadCheckpoint(File1), o => o.SaveCheckpoint(File1), o => o.LoadCheckpoint(Path.GetRelativePath(".", File1)) })
            second.Optimizer.Invoking(action).Should().Throw<IOException>().WithMessage("*belongs to another optimizer*");
        second.Optimizer.Steps.Should().Be(0);
        foreach (var (path, content) in files)
            File.ReadAllBytes(path).Should().Equal(content);

        var ledger = new RdpAccountant();   // to look at it does no harm
        DPOptimizer.ReadLedger(File1, ledger);
        ledger.Ledger.Single().Count.Should().Be(2);
        first.Optimizer.LoadCheckpoint(File1);   // its own
        first.Optimizer.SaveCheckpoint(File1);
        second.Optimizer.Invoking(o => o.LoadCheckpoint(File1 + ".previous")).Should().Throw<IOException>().WithMessage("*belongs to another optimizer*");
        var whole = File.ReadAllBytes(File1);
        File.WriteAllBytes(File1, whole[1..]);
        first.Optimizer.Invoking(o => o.LoadCheckpoint(File1)).Should().Throw<InvalidDataException>();
        File.WriteAllBytes(File1, whole);
        second.Optimizer.Invoking(o => o.LoadCheckpoint(File1)).Should().Throw<IOException>("it is still the first one's").WithMessage("*belongs to another optimizer*");
        first.Optimizer.Dispose();
        second.Optimizer.LoadCheckpoint(File1);
        second.Events.Should().Be(2);
        second.Optimizer.Dispose();

        // What could not be loaded is not kept from others.
        var third = new Run(Toy.Private with { L2NormClip = 2 });
        third.Optimizer.Invoking(o => o.LoadCheckpoint(File1)).Should().Throw<InvalidOperationException>();
        var fourth = new Run(Toy.Private);
        fourth.Optimizer.LoadCheckpoint(File1);
        third.Optimizer.Dispose();
        fourth.Optimizer.Dispose();
    }

    [Fact]
    public void A_checkpoint_that_was_deleted_is_anybodys_unless_the_one_before_is_there()
    {
        using var scope = NewDisposeScope();
        var (first, second) = (new Run(Toy.Private), new Run(Toy.Private));
        var (once, twice) = (Path.Combine(_folder.Path, "once"), Path.Combine(_folder.Path, "twice"));
        first.Take(1);
        first.Optimizer.SaveCheckpoint(once);
        first.Optimizer.SaveCheckpoint(twice);
        first.Optimizer.SaveCheckpoint(twice);
        File.Delete(once);
        File.Delete(twice);
        first.Optimizer.SaveCheckpoint(File1);
        first.Take(1);

        second.Optimizer.SaveCheckpoint(once);
        second.Optimizer.Invoking(o => o.SaveCheckpoint(twice)).Should().Throw<IOException>().WithMessage("*belongs to another optimizer*");
        second.Optimizer.Dispose();
        first.Optimizer.Dispose();
        var third = new Run(Toy.Private);
        third.Optimizer.LoadCheckpoint(twice + ".previous");
        third.Events.Should().Be(2);
        third.Optimizer.Dispose();
    }

    [Fact]
    public void What_a_pass_before_loading_left_is_in_no_step_after_it()
    {
        using var scope = NewDisposeScope();
        var model = Linear(Toy.Features, Toy.Classes, dtype: ScalarType.Float64);
        var (x, y) = Toy.Batch(5);
        using var optimizer = new DPOptimizer(optim.SGD(model.parameters(), 0.1), model, Toy.Private);
        optimizer.SaveCheckpoint(File1);
        var loss = Toy.Loss(model, x, y);
        model.weight.grad = ones_like(model.weight);
        optimizer.LoadCheckpoint(File1);
        model.parameters().Should().OnlyContain(p => ReferenceEquals(p.grad, null));
        loss.backward();
        optimizer.Invoking(o => o.step()).Should().Throw<InvalidOperationException>();
        optimizer.zero_grad();
        optimizer.step(() => Toy.Loss(model, x, y, Reduction.None));
        optimizer.Steps.Should().Be(1);
    }

    [Fact]
    public void A_model_with_a_tensor_of_no_values_is_saved_and_loaded()
    {
        using var scope = NewDisposeScope();
        Sequential Model() => Sequential(("first", Linear(4, 3)), ("none", Linear(3, 0))).to(ScalarType.Float64);
        var (saved, loaded) = (Model(), Model());
        DPOptimizer Make(Sequential model) => new(optim.SGD(model.parameters(), 0.1, momentum: 0.9), model, Toy.Private);
        using (var optimizer = Make(saved))
            optimizer.SaveCheckpoint(File1);
        using var resumed = Make(loaded);
        resumed.LoadCheckpoint(File1);
        TensorAssert.AreClose(Toy.Weights(loaded), Toy.Weights(saved), 1e-15);
    }

    [Fact]
    public void A_run_that_goes_back_to_an_earlier_checkpoint_has_still_spent_what_it_spent()
    {
        using var scope = NewDisposeScope();
        var run = new Run(Toy.Private);
        run.Take(1);
        run.Optimizer.SaveCheckpoint(File1);
        var weights = Toy.Weights(run.Model);
        run.Take(3);
        run.Optimizer.LoadCheckpoint(File1);
        run.Model.ShouldBeUnchanged(weights);
        run.Optimizer.Steps.Should().Be(1);
        run.Events.Should().Be(4);
        run.Take(1);
        run.Events.Should().Be(5);
        run.Optimizer.Dispose();
    }

    [Fact]
    public void Optimizers_that_shared_an_accountant_go_on_sharing_it_and_shared_steps_count_once()
    {
        using var scope = NewDisposeScope();
        var other = Path.Combine(_folder.Path, "other.ckpt");
        var options = Toy.Private with { Accountant = new RdpAccountant() };
        var (a, b) = (new Run(options), new Run(options, seed: 5));
        a.Take(3);
        a.Optimizer.SaveCheckpoint(File1);
        b.Take(2);
        b.Optimizer.SaveCheckpoint(other);
        a.Take(1);
        b.Take(4);
        a.Events.Should().Be(10);
        a.Optimizer.Dispose();
        b.Optimizer.Dispose();

        var shared = Toy.Private with { Accountant = new RdpAccountant() };
        var (c, d) = (new Run(shared), new Run(shared, seed: 6));
        c.Optimizer.LoadCheckpoint(File1);
        c.Events.Should().Be(4);
        d.Optimizer.LoadCheckpoint(other);
        d.Events.Should().Be(10);

        // Two runs that went on from one checkpoint, each for itself, were both seen.
        var fork = Path.Combine(_folder.Path, "fork.ckpt");
        File.Copy(File1, fork);
        var (e, f) = (new Run(Toy.Private), new Run(Toy.Private));
        e.Optimizer.LoadCheckpoint(fork);
        e.Take(2);
        e.Optimizer.SaveCheckpoint(Path.Combine(_folder.Path, "e"));
        e.Optimizer.Dispose();
        File.Delete(fork + ".steps");
        f.Optimizer.LoadCheckpoint(fork);
        f.Take(2);
        f.Optimizer.SaveCheckpoint(Path.Combine(_folder.Path, "f"));
        var both = new RdpAccountant();
        DPOptimizer.ReadLedger(Path.Combine(_folder.Path, "e"), both);
        DPOptimizer.ReadLedger(Path.Combine(_folder.Path, "f"), both);
        DPOptimizer.ReadLedger(Path.Combine(_folder.Path, "f"), both);
        both.Ledger.Sum(entry => entry.Count).Should().Be(3 + 2 + 2);
        foreach (var run in new[] { c, d, f })
            run.Optimizer.Dispose();
    }

    [Fact]
    public void A_budget_counts_what_was_spent_before()
    {
        using var scope = NewDisposeScope();
        var options = Toy.Private with { NoiseMultiplier = 6, Budget = new(4, 1e-5) };
        var first = new Run(options);
        var all = first.Optimizer.StepsLeft;
        all.Should().BeGreaterThan(10);
        first.Take(3);
        first.Optimizer.SaveCheckpoint(File1);
        first.Take(2);
        first.Optimizer.Dispose();
        var second = new Run(options);
        second.Optimizer.LoadCheckpoint(File1);
        second.Optimizer.StepsLeft.Should().Be(all - 5);
        second.Take((int)all - 5);
        second.Optimizer.CanStep.Should().BeFalse();
        FluentActions.Invoking(() => second.Take(1)).Should().Throw<PrivacyBudgetExceededException>();
        second.Optimizer.Dispose();
    }

    [Fact]
    public void The_noise_of_two_runs_from_one_checkpoint_is_not_the_same()
    {
        using var scope = NewDisposeScope();
        var first = new Run(Toy.Private);
        first.Optimizer.SaveCheckpoint(File1);
        first.Optimizer.Dispose();
        Tensor After()
        {
            var run = new Run(Toy.Private);
            run.Optimizer.LoadCheckpoint(File1);
            run.Take(1);
            run.Optimizer.Dispose();
            return Toy.Weights(run.Model)[0];
        }
        var (a, b) = (After(), After());
        (a - b).abs().min().ToDouble().Should().BePositive("no value of the noise may come again");
    }

    [Fact]
    public void The_checkpoint_before_is_kept_and_no_other_file_left()
    {
        using var scope = NewDisposeScope();
        var run = new Run(Toy.Private);
        for (var i = 0; i < 3; i++)
        {
            run.Take(1);
            run.Optimizer.SaveCheckpoint(File1);
        }
        run.Optimizer.Dispose();
        Directory.GetFiles(_folder.Path).Select(Path.GetFileName).Should().BeEquivalentTo("run.ckpt", "run.ckpt.previous", "run.ckpt.steps");
        var before = new Run(Toy.Private);
        before.Optimizer.LoadCheckpoint(File1 + ".previous");
        before.Optimizer.Steps.Should().Be(2);
        before.Optimizer.Dispose();
    }

    [Fact]
    public void A_journal_that_cannot_be_written_stops_the_step()
    {
        using var scope = NewDisposeScope();
        var model = Toy.Model();
        var accountant = new RdpAccountant();
        using var ledger = new OptimizerLedger(accountant, null);
        ledger.Keep(File1, () => File.WriteAllText(File1, ""));
        ledger.Enter(new GaussianDpEvent(1));
        ledger.Dispose();
        FluentActions.Invoking(() => ledger.Enter(new GaussianDpEvent(1))).Should().Throw<ObjectDisposedException>();
        accountant.Ledger.Single().Count.Should().Be(2, "the step is entered, and then not taken");
    }

    [Fact]
    public void Saving_and_loading_leave_no_tensor_behind()
    {
        using var model = Toy.Model();
        using var optimizer = new DPOptimizer(optim.Adam(model.parameters(), 0.1), model, Toy.Private);
        optimizer.SaveCheckpoint(File1);
        optimizer.LoadCheckpoint(File1);
        var before = LiveTensors.Settled();
        for (var i = 0; i < 3; i++)
        {
            optimizer.SaveCheckpoint(File1);
            optimizer.LoadCheckpoint(File1);
            FluentActions.Invoking(() => optimizer.LoadCheckpoint(File1 + "x")).Should().Throw<FileNotFoundException>();
        }
        (Tensor.TotalCount - before).Should().Be(0);
    }

    /// <summary>A model in training.</summary>
    internal sealed class Run
    {
        private readonly Tensor _y;

        public Run(Func<IEnumerable<Parameter>, OptimizerHelper> inner, ScalarType type = ScalarType.Float64, int seed = 1)
            : this(new() { L2NormClip = 0.5, NoiseMultiplier = 0 }, inner, type, seed)
        {
        }

        public Run(DPOptimizerOptions options, Func<IEnumerable<Parameter>, OptimizerHelper>? inner = null, ScalarType type = ScalarType.Float64, int seed = 1)
        {
            Model = Toy.Model(seed, type);
            (X, _y) = Toy.Batch(5, type: type);
            Optimizer = new(inner?.Invoke(Model.parameters()) ?? optim.SGD(Model.parameters(), 0.1), Model, options);
        }

        public Sequential Model { get; }

        public DPOptimizer Optimizer { get; }

        public Tensor X { get; }

        public long Events => Optimizer.Guarantee(1e-5).Events.Sum(entry => entry.Count);

        public void Take(int steps)
        {
            for (var i = 0; i < steps; i++)
                Optimizer.step(() => Toy.Loss(Model, X, _y, Reduction.None));
        }
    }
}
