using DpSgd.Accounting;
using DpSgd.Tests.TestKit;
using TorchSharp;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace DpSgd.Tests.Ledger;

/// <summary>An accountant that has no bound for the sampling is refused when the optimizer is made, with what to write instead.</summary>
public class SamplingAccountantTests
{
    private static readonly PoissonSampling Poisson = new(0.1, 100);
    private static readonly TruncatedPoissonSampling Truncated = new(0.1, 100, 20);
    private static readonly FixedSizeSampling FixedSize = new(10, 100);
    private static readonly ShuffledSampling Shuffled = new(10, 100);

    public static TheoryData<BatchSampling, IPrivacyAccountant?> Good => new()
    {
        { Poisson, null },
        { Poisson, new RdpAccountant() },
        { Poisson, new PldAccountant() },
        { Poisson, new RdpAccountant(neighboringRelation: NeighboringRelation.ReplaceSpecial) },
        { Poisson, new PldAccountant(NeighboringRelation.ReplaceOne) },
        { Truncated, null },
        { Truncated, new PldAccountant() },
        { Truncated, new PldAccountant(NeighboringRelation.ReplaceOne) },
        { FixedSize, new RdpAccountant(neighboringRelation: NeighboringRelation.ReplaceOne) },
        { Shuffled, new RdpAccountant(neighboringRelation: NeighboringRelation.ReplaceOne) },
        { Shuffled, new RdpAccountant(neighboringRelation: NeighboringRelation.ReplaceSpecial) },
        { Shuffled, new PldAccountant(NeighboringRelation.ReplaceSpecial) },
        { FixedSize, new RecordingAccountant { NeighboringRelation = NeighboringRelation.ReplaceOne } },
    };

    public static TheoryData<BatchSampling, IPrivacyAccountant?, string> Bad => new()
    {
        { Poisson, new RdpAccountant(neighboringRelation: NeighboringRelation.ReplaceOne), "RdpAccountant has no bound*ReplaceOne*new PldAccountant(NeighboringRelation.ReplaceOne)*" },
        { Truncated, new RdpAccountant(), "RdpAccountant has no bound*AddOrRemoveOne*new PldAccountant()*" },
        { FixedSize, null, "The default accountant's neighbouring relation is AddOrRemoveOne*new RdpAccountant(neighboringRelation: NeighboringRelation.ReplaceOne)*" },
        { FixedSize, new RdpAccountant(neighboringRelation: NeighboringRelation.ReplaceSpecial), "*is ReplaceSpecial*NeighboringRelation.ReplaceOne*" },
        { FixedSize, new PldAccountant(NeighboringRelation.ReplaceOne), "PldAccountant has no bound*new RdpAccountant(*" },
        { FixedSize with { IsSecret = false }, null, "*AddOrRemoveOne*" },
        { FixedSize, new RecordingAccountant(), "The accountant's neighbouring relation is AddOrRemoveOne*" },
        { Shuffled, null, "*AddOrRemoveOne*new RdpAccountant(neighboringRelation: NeighboringRelation.ReplaceSpecial)*" },
        { Shuffled, new PldAccountant(), "*AddOrRemoveOne*ReplaceSpecial*" },
    };

    [Theory]
    [MemberData(nameof(Good))]
    public void An_accountant_with_a_bound_is_taken(BatchSampling sampling, IPrivacyAccountant? accountant)
    {
        using var scope = NewDisposeScope();
        var model = Toy.Model();
        using var optimizer = new DPOptimizer(optim.SGD(model.parameters(), 0.1), model, Toy.Private with { Sampling = sampling, Accountant = accountant });
        if (accountant is not null)
            optimizer.Accountant.Should().BeSameAs(accountant);
        var (x, y) = Toy.Batch(10);
        optimizer.GetEpsilon(1e-5).Should().Be(0, "asking costs nothing");
        optimizer.step(() => Toy.Loss(model, x, y, Reduction.None));
        optimizer.GetEpsilon(1e-5).Should().BePositive();
    }

    [Theory]
    [MemberData(nameof(Bad))]
    public void One_without_is_refused_before_anything_is_trained(BatchSampling sampling, IPrivacyAccountant? accountant, string message)
    {
        using var scope = NewDisposeScope();
        var model = Toy.Model();
        DPOptimizer Make(IPrivacyAccountant? given) => new(optim.SGD(model.parameters(), 0.1), model, Toy.Private with { Sampling = sampling, Accountant = given });
        FluentActions.Invoking(() => Make(accountant)).Should().Throw<ArgumentException>().WithParameterName("Accountant").WithMessage(message);
        // The model is free for another.
        var good = Good.Select(row => (Sampling: (BatchSampling)row[0], Accountant: (IPrivacyAccountant?)row[1])).First(row => row.Sampling.GetType() == sampling.GetType());
        Make(good.Accountant).Dispose();
    }

    [Fact]
    public void Random_microbatches_cost_double_where_an_example_can_be_absent()
    {
        // A microbatch without the example, with it and with the other: the bound for replacement has each within C of the
        // first, but averages differ by up to 2C. Here is such a case, which without the halved noise would exceed the bound.
        using var scope = NewDisposeScope();
        var model = Toy.Model();
        var (x, y) = Toy.Batch(10);
        DpEvent EventOf(BatchSampling sampling, NeighboringRelation relation)
        {
            var ledger = new RecordingAccountant { NeighboringRelation = relation };
            using var optimizer = new DPOptimizer(
                optim.SGD(model.parameters(), 0.1), model, Toy.Private with { Sampling = sampling, Accountant = ledger, MicrobatchSize = 2 });
            optimizer.step(() => Toy.Loss(model, x, y, Reduction.None));
            return ledger.Events.Single();
        }
        foreach (var relation in Enum.GetValues<NeighboringRelation>())
        {
            EventOf(Poisson, relation).Should().Be(new PoissonSampledDpEvent(0.1, new GaussianDpEvent(0.5)));
            EventOf(Truncated, relation).Should().Be(new TruncatedSubsampledGaussianDpEvent(100, 0.1, 20, 0.5));
        }
        // Here it is there in both cases, or another in its place: 2C, which replacement means anyway.
        EventOf(FixedSize, NeighboringRelation.ReplaceOne).Should().Be(new SampledWithoutReplacementDpEvent(100, 10, new GaussianDpEvent(1)));
        EventOf(Shuffled, NeighboringRelation.ReplaceOne).Should().Be(new GaussianDpEvent(1));
        EventOf(Shuffled, NeighboringRelation.ReplaceSpecial).Should().Be(new GaussianDpEvent(0.5));

        // (1 - q) N(-1) + q N(1) against N(-1): a microbatch whose other example has gradient -C, and one with 3C or none.
        const double q = 0.1, sigma = 1, epsilon = 1;
        var delta = 0.0;
        for (var z = -12.0; z < 12; z += 1e-3)
        {
            double Density(double mean) => Math.Exp(-(z - mean) * (z - mean) / 2 / sigma / sigma) / Math.Sqrt(2 * Math.PI) / sigma;
            delta += 1e-3 * Math.Max(0, (1 - q) * Density(-1) + q * Density(1) - Math.Exp(epsilon) * Density(-1));
        }
        double Bound(double noise)
        {
            var accountant = new PldAccountant(NeighboringRelation.ReplaceOne);
            accountant.Compose(new PoissonSampledDpEvent(q, new GaussianDpEvent(noise)));
            return accountant.GetDelta(epsilon);
        }
        Bound(sigma / 2).Should().BeGreaterThan(delta);
        Bound(sigma).Should().BeLessThan(delta);
    }
}
