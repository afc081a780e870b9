using DpSgd.Accounting;
using DpSgd.Tests.TestKit;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace DpSgd.Tests.Ledger;

/// <summary>Every step is in the ledger before the weights change, whoever else writes into it and whatever is thrown.</summary>
public class SharedLedgerTests
{
    [Fact]
    public void An_inner_optimizer_that_throws_half_way_has_its_step_counted()
    {
        using var scope = NewDisposeScope();
        var model = Toy.Model();
        var before = Toy.Weights(model);
        var (x, y) = Toy.Batch(4);
        var accountant = new RdpAccountant();
        var counts = new List<long>();
        long Count() => accountant.Ledger.Sum(entry => entry.Count);
        using var optimizer = new DPOptimizer(
            new ThrowingOptimizer(model.parameters(), () => counts.Add(Count())), model, Toy.Private with { Accountant = accountant });

        for (var i = 1; i <= 3; i++)
        {
            FluentActions.Invoking(() => optimizer.step(() => Toy.Loss(model, x, y, Reduction.None)))
                .Should().Throw<InvalidOperationException>().WithMessage("half way");
            Count().Should().Be(i, "a part of the weights is changed");
            optimizer.Steps.Should().Be(i);
            model.parameters().Should().OnlyContain(p => ReferenceEquals(p.grad, null), "no gradient may stay behind");
        }
        Toy.Weights(model)[0].equal(before[0]).all().ToBoolean().Should().BeFalse();
        counts.Should().Equal([1, 2, 3], "each step is in the ledger when the weights change");
    }

    [Fact]
    public void An_accountant_that_cannot_say_what_is_in_it_has_the_steps_of_all_in_the_guarantee()
    {
        using var scope = NewDisposeScope();
        var (x, y) = Toy.Batch(4);
        var (one, other) = (Toy.Model(1), Toy.Model(2));
        var options = Toy.Private with { Accountant = new RecordingAccountant() };
        using var first = new DPOptimizer(optim.SGD(one.parameters(), 0.1), one, options);
        using var second = new DPOptimizer(optim.SGD(other.parameters(), 0.1), other, options);
        first.step(() => Toy.Loss(one, x, y, Reduction.None));
        second.step(() => Toy.Loss(other, x, y, Reduction.None));
        second.step(() => Toy.Loss(other, x, y, Reduction.None));
        first.Guarantee(1e-5).Events.Should().Equal(new LedgerEntry(new GaussianDpEvent(1), 3));
    }

    [Fact]
    public void An_accountant_that_refuses_stops_the_step_and_the_next_one_goes_on()
    {
        using var scope = NewDisposeScope();
        var model = Toy.Model();
        var (x, y) = Toy.Batch(6);
        x[2, 1] = double.NaN;
        var before = Toy.Weights(model);
        var open = false;
        var ledger = new RecordingAccountant(() =>
        {
            if (!open)
                throw new NotSupportedException("closed");
        });
        using var optimizer = new DPOptimizer(optim.Adam(model.parameters(), 0.1), model, Toy.Private with { Accountant = ledger });
        void Step() => optimizer.step(() => Toy.Loss(model, x, y, Reduction.None));

        FluentActions.Invoking(Step).Should().Throw<NotSupportedException>();
        model.ShouldBeUnchanged(before);
        optimizer.Steps.Should().Be(0);
        optimizer.NonFiniteExamples.Should().Be(0, "no step was taken with them");

        open = true;
        Step();
        ledger.Events.Should().ContainSingle();
        optimizer.NonFiniteExamples.Should().Be(1);
    }

    [Fact]
    public void Phases_and_models_on_the_same_data_share_one_accountant()
    {
        using var scope = NewDisposeScope();
        var accountant = new RdpAccountant();
        var (x, y) = Toy.Batch(4);
        void Phase(Module<Tensor, Tensor> model, double noise, int steps)
        {
            using var optimizer = new DPOptimizer(optim.SGD(model.parameters(), 0.1), model, Toy.Private with { NoiseMultiplier = noise, Accountant = accountant });
            for (var i = 0; i < steps; i++)
                optimizer.step(() => Toy.Loss(model, x, y, Reduction.None));
            optimizer.Accountant.Should().BeSameAs(accountant);
            optimizer.GetEpsilon(1e-5).Should().Be(accountant.GetEpsilon(1e-5));
        }

        var model = Toy.Model();
        Phase(model, 2, 3);
        Phase(model, 4, 2);
        Phase(Toy.Model(7), 2, 1);

        accountant.Ledger.Should().Equal(new LedgerEntry(new GaussianDpEvent(2), 4), new LedgerEntry(new GaussianDpEvent(4), 2));
    }

    public static TheoryData<string, IPrivacyAccountant> Accountants => new() { { "rdp", new RdpAccountant() }, { "pld", new PldAccountant() } };

    [Theory]
    [MemberData(nameof(Accountants))]
    public void Threads_that_share_an_accountant_lose_no_step_and_overspend_nothing(string name, IPrivacyAccountant accountant)
    {
        name.Should().NotBeEmpty();
        const int threads = 4;
        using var scope = NewDisposeScope();
        var (x, y) = Toy.Batch(4);
        var models = Enumerable.Range(0, threads).Select(i => Toy.Model(i)).ToList();
        var probe = KnownAccountant.Clone(accountant)!;
        probe.Compose(new GaussianDpEvent(5), 30);
        var options = Toy.Private with { NoiseMultiplier = 5, Accountant = accountant, Budget = new(probe.GetEpsilon(1e-5), 1e-5) };
        var taken = new long[threads];
        var refused = new int[threads];

        Parallel.For(0, threads, new ParallelOptions { MaxDegreeOfParallelism = threads }, i =>
        {
            using var inner = NewDisposeScope();
            using var optimizer = new DPOptimizer(optim.SGD(models[i].parameters(), 0.1), models[i], options);
            for (var s = 0; s < 20; s++)
            {
                try
                {
                    optimizer.step(() => Toy.Loss(models[i], x, y, Reduction.None));
                }
                catch (PrivacyBudgetExceededException)
                {
                    refused[i]++;
                }
            }
            taken[i] = optimizer.Steps;
        });

        taken.Sum().Should().Be(30);
        refused.Sum().Should().Be(threads * 20 - 30);
        KnownAccountant.Ledger(accountant).Should().Equal(new LedgerEntry(new GaussianDpEvent(5), 30));
    }

    [Fact]
    public void Copies_of_a_ledger_come_together_without_loss_or_double_counting()
    {
        var step = new GaussianDpEvent(1);
        var other = new GaussianDpEvent(2);
        var (a, b) = (Guid.NewGuid(), Guid.NewGuid());
        var accountant = new RdpAccountant();
        accountant.Compose(other);   // by hand, before
        var ledger = SharedLedger.Of(accountant);
        SharedLedger.Of(accountant).Should().BeSameAs(ledger);
        ledger.Merge([new(a, [new(step, 5)])]);
        ledger.Merge([new(a, [new(step, 3), new(other, 1)]), new(b, [new(step, 7)])]);
        ledger.Merge([new(b, [new(step, 6)])]);
        ledger.Enter(b, step, null);
        accountant.Compose(step, 10);   // by hand, after

        long Count(DpEvent e) => accountant.Ledger.Where(entry => entry.Event.Equals(e)).Sum(entry => entry.Count);
        Count(step).Should().Be(5 + 8 + 10);
        Count(other).Should().Be(2);

        // All of it again, and into another one.
        var copy = ledger.Parts();
        ledger.Merge(copy);
        Count(step).Should().Be(23);
        var second = new RdpAccountant();
        SharedLedger.Of(second).Merge(copy);
        SharedLedger.Of(second).Merge(copy);
        second.Ledger.Should().BeEquivalentTo(accountant.Ledger);
    }

    private sealed class ThrowingOptimizer : OptimizerHelper
    {
        private readonly List<Parameter> _parameters;
        private readonly Action _look;

        public ThrowingOptimizer(IEnumerable<Parameter> parameters, Action look) =>
            (_parameters, _look, _parameter_groups) = (parameters.ToList(), look, []);

        public override IEnumerable<Parameter> parameters() => _parameters;

        public override Tensor step(Func<Tensor>? closure = null)
        {
            _look();
            using var quiet = no_grad();
            _parameters[0].add_(1);
            throw new InvalidOperationException("half way");
        }
    }
}
