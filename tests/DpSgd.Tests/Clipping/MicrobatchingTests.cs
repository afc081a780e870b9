using DpSgd.Accounting;
using DpSgd.Clipping;
using DpSgd.Tests.TestKit;

namespace DpSgd.Tests.Clipping;

/// <summary>How many microbatches there are, and what their size means for the sensitivity.</summary>
public class MicrobatchingTests
{
    private static readonly FixedSizeSampling Fixed = new(10, 100);
    private static readonly PoissonSampling Poisson = new(0.1, 100);

    public static TheoryData<BatchSampling?, NeighboringRelation, double> Sensitivities => new()
    {
        { null, NeighboringRelation.AddOrRemoveOne, 1 },
        { null, NeighboringRelation.ReplaceSpecial, 1 },
        { null, NeighboringRelation.ReplaceOne, 2 },
        { Fixed, NeighboringRelation.AddOrRemoveOne, 1 },
        { Fixed, NeighboringRelation.ReplaceSpecial, 1 },
        { Fixed, NeighboringRelation.ReplaceOne, 2 },
        { Poisson, NeighboringRelation.AddOrRemoveOne, 1 },
        { Poisson, NeighboringRelation.ReplaceSpecial, 1 },
        { Poisson, NeighboringRelation.ReplaceOne, 1 },
    };

    [Theory]
    [MemberData(nameof(Sensitivities))]
    public void Two_examples_in_a_microbatch_halve_the_noise_unless_the_accountant_does(BatchSampling? sampling, NeighboringRelation relation, double ofTwo)
    {
        var options = Toy.Private with { Sampling = sampling };
        new Microbatching(options).EffectiveNoiseMultiplier(2, 10, relation).Should().Be(2);
        new Microbatching(options with { MicrobatchSize = 2 }).EffectiveNoiseMultiplier(2, 10, relation).Should().Be(ofTwo);
    }

    [Fact]
    public void An_expected_size_that_is_whole_but_for_rounding_counts_as_whole()
    {
        new Microbatching(Toy.Private with { Sampling = new PoissonSampling(0.07, 100), MicrobatchSize = 7 }).ExpectedCount(3).Should().Be(1, "7.000000000000001 is seven");
        new Microbatching(Toy.Private with { Sampling = new PoissonSampling(0.29, 100), NumMicrobatches = 29 }).IsOneExampleEach(3).Should().BeTrue("28.999999999999996 is 29");
    }
}
