using System.Globalization;
using DpSgd.Accounting;
using DpSgd.Tests.TestKit;
using TorchSharp;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace DpSgd.Tests.Guarantee;

/// <summary>The guarantee says what happened, and names all that it rests on.</summary>
public class TrainingGuaranteeTests
{
    [Fact]
    public void Of_Poisson_samples_it_begins_with_the_tutorials_sentences()
    {
        using var scope = NewDisposeScope();
        var model = Toy.Model();
        var (x, y) = Toy.Batch(40);
        using var loader = new PoissonDataLoader(x, y, expectedBatchSize: 4);
        using var optimizer = new DPOptimizer(optim.SGD(model.parameters(), 0.1), model, new() { L2NormClip = 1.5, NoiseMultiplier = 1.3, Sampling = loader.Sampling });
        optimizer.Guarantee(1e-5).Statement.Should().Be("No step was taken, so nothing was spent.");
        foreach (var (examples, labels) in loader)
            optimizer.step(() => Toy.Loss(model, examples, labels, Reduction.None));

        var guarantee = optimizer.Guarantee(1e-5);
        var expected = new RdpAccountant();
        expected.Compose(new PoissonSampledDpEvent(0.1, new GaussianDpEvent(1.3)), 10);
        (guarantee.Epsilon, guarantee.OptimalOrder!.Value).Should().Be(expected.GetEpsilonAndOptimalOrder(1e-5));
        guarantee.Should().Match<TrainingGuarantee>(g =>
            g.Delta == 1e-5 && g.Steps == 10 && g.Sampling == loader.Sampling && g.MicrobatchSize == 1 && g.IsNoiseSecure && g.NonFiniteExamples == 0 &&
            g.L2NormClip == 1.5 && g.NoiseMultiplier == 1.3 && g.NeighboringRelation == NeighboringRelation.AddOrRemoveOne && g.LibraryVersion.Length > 4);
        guarantee.Events.Should().Equal(expected.Ledger);
        var lines = guarantee.Statement.Split('\n');
        lines[0].Should().Be(DpSgdPrivacy.Statement(40, 4, 1.3, 1, 1e-5).Split('\n')[0]);
        lines[1].Should().StartWith("The optimal RDP order is ");
        lines.Should().Contain(line => line.StartsWith("- 10 times on a Poisson sample with probability 0.1: Gaussian noise with multiplier 1.3"))
            .And.Contain(line => line.Contains("drawn so by the loader"))
            .And.Contain(line => line.Contains("one example is added or removed"))
            .And.Contain(line => line.StartsWith("- Examples are kept apart") && line.Contains("LossReduction"))
            .And.Contain(line => line.StartsWith("- Microbatches of one") && line.Contains("norm 1.5"))
            .And.Contain(line => line.Contains("cryptographic generator"))
            .And.Contain(line => line.Contains(guarantee.LibraryVersion));
        guarantee.Statement.Should().NotContain("Warning").And.NotContain("NaN");
    }

    [Fact]
    public void It_names_what_makes_it_weaker()
    {
        using var scope = NewDisposeScope();
        string Statement(DPOptimizerOptions options, double delta = 1e-5)
        {
            var model = Toy.Model();
            var (x, y) = Toy.Batch(12);
            using var optimizer = new DPOptimizer(optim.SGD(model.parameters(), 0.1), model, options);
            optimizer.step(() => Toy.Loss(model, x, y, Reduction.None));
            return optimizer.Guarantee(delta).Statement;
        }

        Statement(Toy.Private).Should().Contain("Sampling: none is claimed").And.Contain("1 times Gaussian noise with multiplier 1.0");
        Statement(Toy.Private with { MicrobatchSize = 3 }).Should().Contain("Microbatches of 3").And.Contain("half of the noise multiplier 1.0").And.Contain("multiplier 0.5");
        Statement(Toy.Private with { NumMicrobatches = 3 }).Should().Contain("fixed number of them");
        Statement(Toy.Private with { MicrobatchSize = 12 }).Should().Contain("Microbatches of 12:");
        Statement(Toy.Private with { Accountant = new RdpAccountant(neighboringRelation: NeighboringRelation.ReplaceSpecial) }).Should().Contain("one example is blanked out");
        Statement(Toy.Private with { Sampling = new PoissonSampling(0.5, 100) }, delta: 0.01).Should().Contain("Warning: delta is not below 1 / 100");
        Statement(Toy.Private with { Noise = NoiseSource.SeededForTests(1) }).Should().Contain("eps = inf").And.Contain("Warning: the noise does not come from a cryptographic generator").And.Contain("it had a seed");
        Statement(Toy.Private with { NoiseMultiplier = 0 }).Should().Contain("Warning: no finite eps is known");
        Statement(Toy.Private with { Sampling = new PoissonSampling(0.1, 120) }).Should().Contain("nothing checked it");
        Statement(Toy.Private with { Sampling = new PoissonSampling(0.1, 120) }, 0.01).Should().Contain("Warning: delta is not below 1 / 120");
        Statement(Toy.Private with { Sampling = new PoissonSampling(0.1, 120) { IsSecret = false } }).Should().Contain("came from a seed");
        Statement(Toy.Private with { Accountant = new RdpAccountant(neighboringRelation: NeighboringRelation.ReplaceOne) }).Should().Contain("replaced by another");
        Statement(Toy.Private with { Accountant = new PldAccountant() }).Should().Contain("privacy loss distributions");
        Statement(Toy.Private with { Accountant = new RecordingAccountant() }).Should().Contain("computed by RecordingAccountant").And.Contain("1 times Gaussian noise");
    }

    [Fact]
    public void The_number_of_non_finite_examples_is_told_to_the_owner_of_the_data_alone()
    {
        using var scope = NewDisposeScope();
        var model = Toy.Model();
        var (x, y) = Toy.Batch(5);
        x[3, 0] = double.NaN;
        x[1, 2] = double.PositiveInfinity;
        using var optimizer = new DPOptimizer(optim.SGD(model.parameters(), 0.1), model, Toy.Private);
        optimizer.step(() => Toy.Loss(model, x, y, Reduction.None));
        optimizer.step(() => Toy.Loss(model, x, y, Reduction.None));
        var guarantee = optimizer.Guarantee(1e-5);
        guarantee.NonFiniteExamples.Should().Be(4);
        guarantee.ToString().Should().StartWith(guarantee.Statement).And.EndWith("4 examples had a gradient that was NaN or infinite, and contributed nothing; of 0 batches no step was made.").And.Contain("Not for publication");
        guarantee.Statement.Should().NotContain("infinite");
    }

    [Fact]
    public void Several_phases_are_listed_each()
    {
        using var scope = NewDisposeScope();
        var accountant = new RdpAccountant();
        accountant.Compose(new PoissonSampledDpEvent(0.5, new GaussianDpEvent(7)), 2);
        var model = Toy.Model();
        var (x, y) = Toy.Batch(5);
        using var optimizer = new DPOptimizer(optim.SGD(model.parameters(), 0.1), model, Toy.Private with { Accountant = accountant });
        optimizer.step(() => Toy.Loss(model, x, y, Reduction.None));
        var guarantee = optimizer.Guarantee(1e-5);
        guarantee.Events.Should().HaveCount(2);
        guarantee.Steps.Should().Be(1);
        guarantee.Statement.Should().StartWith("DP-SGD as below satisfies").And.Contain("- 2 times on a Poisson sample with probability 0.5: ").And.Contain("- 1 times Gaussian noise");

        // Of ten epsilons about five would be below what is proved if they were rounded to the nearest.
        foreach (var delta in Enumerable.Range(1, 10).Select(i => i * 1e-6))
        {
            guarantee = optimizer.Guarantee(delta);
            var stated = guarantee.Statement.Split(" eps = ")[1].Split(' ')[0];
            double.Parse(stated, CultureInfo.InvariantCulture).Should().BeInRange(guarantee.Epsilon, guarantee.Epsilon * 1.01);
        }
    }

    [Fact]
    public void It_is_the_same_in_every_culture()
    {
        using var scope = NewDisposeScope();
        var model = Toy.Model();
        var (x, y) = Toy.Batch(5);
        using var optimizer = new DPOptimizer(optim.SGD(model.parameters(), 0.1), model, Toy.Private with { NoiseMultiplier = 1.5 });
        optimizer.step(() => Toy.Loss(model, x, y, Reduction.None));
        var statement = optimizer.Guarantee(1e-5).Statement;
        var culture = CultureInfo.CurrentCulture;
        try
        {
            CultureInfo.CurrentCulture = new CultureInfo("") { NumberFormat = { NumberDecimalSeparator = "," } };
            optimizer.Guarantee(1e-5).Statement.Should().Be(statement);
        }
        finally
        {
            CultureInfo.CurrentCulture = culture;
        }
    }

    [Theory]
    [InlineData(0)]
    [InlineData(double.NaN)]
    public void A_bad_delta_is_refused(double delta)
    {
        using var scope = NewDisposeScope();
        var model = Toy.Model();
        using var optimizer = new DPOptimizer(optim.SGD(model.parameters(), 0.1), model, Toy.Private);
        optimizer.Invoking(o => o.Guarantee(delta)).Should().Throw<ArgumentOutOfRangeException>().WithParameterName("delta");
    }
}
