using DpSgd.Accounting;
using DpSgd.Tests.TestKit;
using TorchSharp;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace DpSgd.Tests.Ledger;

/// <summary>No step spends more than may be spent.</summary>
public class BudgetTests
{
    public static TheoryData<string, Func<IPrivacyAccountant>> Accountants => new()
    {
        { "rdp", () => new RdpAccountant() },
        { "pld", () => new PldAccountant() },
    };

    [Theory]
    [MemberData(nameof(Accountants))]
    public void The_step_that_would_overspend_is_refused_and_changes_nothing(string name, Func<IPrivacyAccountant> make)
    {
        name.Should().NotBeEmpty();
        using var scope = NewDisposeScope();
        var accountant = make();
        var budget = new PrivacyBudget(2, 1e-5);
        var sampling = new PoissonSampling(0.1, 40);
        var (model, step, optimizer) = Training(new()
        {
            L2NormClip = 1,
            NoiseMultiplier = 2,
            Sampling = sampling,
            Budget = budget,
            Accountant = accountant,
        });
        var taken = 0;
        while (optimizer.CanStep)
        {
            var left = optimizer.StepsLeft;
            step();
            optimizer.StepsLeft.Should().Be(left - 1);
            taken++;
        }
        taken.Should().BeGreaterThan(3);
        accountant.GetEpsilon(1e-5).Should().BeLessThanOrEqualTo(2);
        var more = make();
        more.Compose(sampling.EventOf(new GaussianDpEvent(2)), taken + 1);
        more.GetEpsilon(1e-5).Should().BeGreaterThan(2, "one more would have been too many");

        var before = Toy.Weights(model);
        var spent = accountant.GetEpsilon(1e-5);
        FluentActions.Invoking(step).Should().Throw<PrivacyBudgetExceededException>()
            .WithMessage("*budget of 2 (delta 1E-05)*optimizer.CanStep*")
            .Which.Should().Match<PrivacyBudgetExceededException>(e => e.Budget == budget && e.SpentEpsilon == spent);
        model.ShouldBeUnchanged(before);
        accountant.GetEpsilon(1e-5).Should().Be(spent);
        optimizer.Steps.Should().Be(taken);
        optimizer.Dispose();
    }

    [Fact]
    public void What_others_enter_into_the_ledger_is_spent_too()
    {
        using var scope = NewDisposeScope();
        var accountant = new RdpAccountant();
        var options = new DPOptimizerOptions
        {
            L2NormClip = 1,
            NoiseMultiplier = 3,
            Sampling = new PoissonSampling(0.1, 40),
            Budget = new(2, 1e-5),
            Accountant = accountant,
        };
        var (_, step, first) = Training(options);
        var (_, other, second) = Training(options with { NoiseMultiplier = 2 });
        var alone = first.StepsLeft;
        step();
        first.StepsLeft.Should().Be(alone - 1);

        other();
        first.StepsLeft.Should().BeLessThan(alone - 1, "the other's steps are dearer");
        var after = first.StepsLeft;
        accountant.Compose(new GaussianDpEvent(4));
        first.StepsLeft.Should().BeLessThan(after);

        while (first.CanStep)
            step();
        accountant.GetEpsilon(1e-5).Should().BeLessThanOrEqualTo(2);
        second.CanStep.Should().BeFalse();
        FluentActions.Invoking(other).Should().Throw<PrivacyBudgetExceededException>();
        first.Dispose();
        second.Dispose();
    }

    [Theory]
    [InlineData(1, 1)]
    [InlineData(3, 1)]
    [InlineData(4, 2)]
    [InlineData(7, 3)]
    public void The_noise_for_shuffled_batches_is_chosen_for_all_epochs_that_are_begun(int steps, int epochs)
    {
        using var scope = NewDisposeScope();
        var (x, y) = Toy.Batch(12);
        using var loader = new ShuffledDataLoader(x, y, 4);
        var budget = new PrivacyBudget(2, 1e-5);
        IPrivacyAccountant Accountant() => new RdpAccountant(neighboringRelation: NeighboringRelation.ReplaceSpecial);
        DPOptimizerOptions.ForBudget(budget, steps, 1, loader.Sampling, accountant: Accountant()).NoiseMultiplier
            .Should().Be(NoiseCalibration.FindNoiseMultiplier(2, 1e-5, sigma => new GaussianDpEvent(sigma), epochs, Accountant));
        // Without a loader nobody knows where an epoch begins.
        DPOptimizerOptions.ForBudget(budget, steps, 1, new ShuffledSampling(4, 12), accountant: Accountant()).NoiseMultiplier
            .Should().Be(NoiseCalibration.FindNoiseMultiplier(2, 1e-5, sigma => new GaussianDpEvent(sigma), steps, Accountant));
    }

    [Fact]
    public void What_is_left_is_counted_for_batches_like_the_last_one()
    {
        using var scope = NewDisposeScope();
        var model = Toy.Model();
        using var optimizer = new DPOptimizer(optim.SGD(model.parameters(), 0.1), model, new()
        {
            L2NormClip = 1,
            NoiseMultiplier = 8,
            NumMicrobatches = 4,
            Budget = new(2, 1e-5),
        });
        void Step(int size)
        {
            var (x, y) = Toy.Batch(size);
            optimizer.step(() => Toy.Loss(model, x, y, Reduction.None));
        }
        Step(4);
        var ofOne = optimizer.StepsLeft;
        Step(8);
        // With two examples in a microbatch a step costs as much as four.
        optimizer.StepsLeft.Should().BeLessThan(ofOne / 3).And.BePositive();
        while (optimizer.CanStep)
            Step(8);
        optimizer.GetEpsilon(1e-5).Should().BeLessThanOrEqualTo(2);
    }

    [Fact]
    public void An_epoch_that_was_paid_for_is_gone_through_to_its_end()
    {
        using var scope = NewDisposeScope();
        var (x, y) = Toy.Batch(12);
        using var loader = new ShuffledDataLoader(x, y, 4);
        var accountant = new RdpAccountant(neighboringRelation: NeighboringRelation.ReplaceSpecial);
        var once = new RdpAccountant(neighboringRelation: NeighboringRelation.ReplaceSpecial);
        once.Compose(new GaussianDpEvent(2));
        var model = Toy.Model();
        using var optimizer = new DPOptimizer(optim.SGD(model.parameters(), 0.1), model, new()
        {
            L2NormClip = 1,
            NoiseMultiplier = 2,
            Sampling = loader.Sampling,
            Accountant = accountant,
            Budget = new(once.GetEpsilon(1e-5), 1e-5),
        });
        foreach (var (examples, labels) in loader)
        {
            optimizer.CanStep.Should().BeTrue();
            optimizer.step(() => Toy.Loss(model, examples, labels, Reduction.None));
        }
        optimizer.Steps.Should().Be(3);
        foreach (var (examples, labels) in loader)
        {
            optimizer.CanStep.Should().BeFalse();
            // A refused step has not paid for the epoch.
            for (var i = 0; i < 2; i++)
            {
                optimizer.Invoking(o => o.step(() => Toy.Loss(model, examples, labels, Reduction.None)))
                    .Should().Throw<PrivacyBudgetExceededException>();
            }
        }
        optimizer.Steps.Should().Be(3);
    }

    [Fact]
    public void Seeded_noise_has_no_step_to_spend()
    {
        using var scope = NewDisposeScope();
        var (_, step, optimizer) = Training(new() { L2NormClip = 1, NoiseMultiplier = 3, Noise = NoiseSource.SeededForTests(1), Budget = new(10, 1e-5) });
        optimizer.CanStep.Should().BeFalse();
        FluentActions.Invoking(step).Should().Throw<PrivacyBudgetExceededException>();
        optimizer.Dispose();
    }

    [Fact]
    public void Without_a_budget_there_is_always_a_step()
    {
        using var scope = NewDisposeScope();
        var (_, step, optimizer) = Training(new() { L2NormClip = 1, NoiseMultiplier = 0 });
        step();
        optimizer.CanStep.Should().BeTrue();
        optimizer.StepsLeft.Should().Be(long.MaxValue);
        optimizer.Dispose();
    }

    public static TheoryData<BatchSampling?, int?, NeighboringRelation, NoiseSource?> Plans => new()
    {
        { new PoissonSampling(0.05, 200), null, NeighboringRelation.AddOrRemoveOne, null },
        { new PoissonSampling(0.05, 200), 2, NeighboringRelation.AddOrRemoveOne, NoiseSource.Secure },
        { new PoissonSampling(0.05, 200), 2, NeighboringRelation.AddOrRemoveOne, NoiseSource.DiscreteGaussian },
        { null, null, NeighboringRelation.AddOrRemoveOne, null },
        { null, 2, NeighboringRelation.AddOrRemoveOne, NoiseSource.DiscreteGaussian },
        { null, 4, NeighboringRelation.ReplaceOne, null },
    };

    [Theory]
    [MemberData(nameof(Plans))]
    public void The_noise_is_chosen_so_that_the_planned_steps_just_fit(BatchSampling? sampling, int? microbatchSize, NeighboringRelation relation, NoiseSource? noise)
    {
        using var scope = NewDisposeScope();
        var accountant = new RdpAccountant(neighboringRelation: relation);
        accountant.Compose(new GaussianDpEvent(10));   // spent before
        var options = DPOptimizerOptions.ForBudget(new(3, 1e-5), steps: 30, l2NormClip: 0.5, sampling, microbatchSize, accountant, noise);
        options.L2NormClip.Should().Be(0.5);
        options.Sampling.Should().BeSameAs(sampling);
        options.Noise.Should().BeSameAs(noise ?? NoiseSource.Secure);
        var (_, _, optimizer) = Training(options);
        optimizer.StepsLeft.Should().Be(30);
        optimizer.Dispose();
        var (_, _, less) = Training(options with { NoiseMultiplier = 0.999 * options.NoiseMultiplier });
        less.StepsLeft.Should().Be(29);
        less.Dispose();
    }

    [Fact]
    public void What_cannot_be_is_refused()
    {
        using var scope = NewDisposeScope();
        FluentActions.Invoking(() => new PrivacyBudget(0, 1e-5)).Should().Throw<ArgumentOutOfRangeException>().WithParameterName("TargetEpsilon");
        FluentActions.Invoking(() => new PrivacyBudget(double.NaN, 1e-5)).Should().Throw<ArgumentOutOfRangeException>().WithParameterName("TargetEpsilon");
        FluentActions.Invoking(() => new PrivacyBudget(1, 1)).Should().Throw<ArgumentOutOfRangeException>().WithParameterName("Delta");
        FluentActions.Invoking(() => DPOptimizerOptions.ForBudget(null!, 1, 1)).Should().Throw<ArgumentNullException>().WithParameterName("budget");
        FluentActions.Invoking(() => DPOptimizerOptions.ForBudget(new(1, 1e-5), 0, 1)).Should().Throw<ArgumentOutOfRangeException>().WithParameterName("steps");
        FluentActions.Invoking(() => DPOptimizerOptions.ForBudget(new(1, 1e-5), 1, double.NaN)).Should().Throw<ArgumentOutOfRangeException>().WithParameterName("L2NormClip");
        FluentActions.Invoking(() => DPOptimizerOptions.ForBudget(new(1, 1e-5), 1, 1, accountant: new RecordingAccountant()))
            .Should().Throw<ArgumentException>().WithParameterName("accountant").WithMessage("*RecordingAccountant*");
        FluentActions.Invoking(() => DPOptimizerOptions.ForBudget(new(1, 1e-5), 1, 1, accountant: new PldAccountant(), noise: NoiseSource.DiscreteGaussian))
            .Should().Throw<ArgumentException>().WithParameterName("Accountant").WithMessage("PldAccountant has no bound*this noise*RdpAccountant*");
        FluentActions.Invoking(() => DPOptimizerOptions.ForBudget(new(1, 1e-5), 1, 1, noise: NoiseSource.SeededForTests(1))).Should().Throw<ArgumentException>();
        var model = Toy.Model();
        FluentActions.Invoking(() => new DPOptimizer(optim.SGD(model.parameters(), 1), model, Toy.Private with { Budget = new(1, 1e-5), Accountant = new RecordingAccountant() }))
            .Should().Throw<ArgumentException>().WithParameterName("Accountant");
    }

    private static (Module Model, Action Step, DPOptimizer Optimizer) Training(DPOptimizerOptions options)
    {
        var model = Toy.Model();
        var (x, y) = Toy.Batch(4);
        var optimizer = new DPOptimizer(optim.SGD(model.parameters(), 0.1), model, options);
        return (model, () => optimizer.step(() => Toy.Loss(model, x, y, Reduction.None)), optimizer);
    }
}
