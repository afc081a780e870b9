using DpSgd.Clipping;
using TorchSharp;
using static TorchSharp.torch;

namespace DpSgd.Tests.Clipping;

public class MicrobatchesTests
{
    [Fact]
    public void An_empty_microbatch_among_those_of_one_keeps_its_place()
    {
        using var scope = NewDisposeScope();
        var microbatches = Microbatches.OfSizes([1, 0, 1]);
        microbatches.IsOneExampleEach.Should().BeFalse();
        microbatches.Sum(tensor(new[] { 1.0, 2.0 })).data<double>().ToArray().Should().Equal(1, 0, 2);
        microbatches.Spread(tensor(new[] { 1.0, 2.0, 3.0 })).data<double>().ToArray().Should().Equal(1, 3);
    }

    [Fact]
    public void Consecutive_examples_share_a_microbatch_and_the_last_may_be_smaller()
    {
        using var scope = NewDisposeScope();
        var rows = arange(1, 8, dtype: ScalarType.Float64).view(7, 1);
        var microbatches = Microbatches.Consecutive(7, 3);

        microbatches.Count.Should().Be(3);
        microbatches.Sizes.Should().Equal(3, 3, 1);
        microbatches.Sum(rows).data<double>().ToArray().Should().Equal(6, 15, 7);
        microbatches.Spread(tensor(new[] { 1.0, 2, 3 })).data<double>().ToArray().Should().Equal(1, 1, 1, 2, 2, 2, 3);
        microbatches.Positions().Should().BeEquivalentTo(new long[][] { [0, 1, 2], [3, 4, 5], [6] }, o => o.WithStrictOrdering());
        Microbatches.Consecutive(4, 2).Positions().Should().BeEquivalentTo(new long[][] { [0, 1], [2, 3] }, o => o.WithStrictOrdering());
        Microbatches.OfOne(2).Positions().Should().BeEquivalentTo(new long[][] { [0], [1] }, o => o.WithStrictOrdering());
        Microbatches.Consecutive(6, 3).Sum(rows.narrow(0, 0, 6)).data<double>().ToArray().Should().Equal(6, 15);
        Microbatches.OfOne(7).Sum(rows).Should().BeSameAs(rows);
    }

    [Fact]
    public void At_random_each_example_has_a_place_of_its_own()
    {
        using var scope = NewDisposeScope();
        var rows = arange(1, 101, dtype: ScalarType.Float64).view(100, 1);
        var microbatches = Microbatches.AtRandom(100, 7);
        microbatches.Sizes!.Sum().Should().Be(100);
        var sums = microbatches.Sum(rows);
        sums.sum().ToDouble().Should().Be(5050);

        microbatches.Positions().Select(p => p.LongLength).Should().Equal(microbatches.Sizes);
        microbatches.Positions().SelectMany(p => p).Order().Should().Equal(Enumerable.Range(0, 100).Select(i => (long)i));

        // The sum over examples of their microbatch's sum, found in two ways.
        var spread = microbatches.Spread(sums.view(-1));
        (spread.sum().ToDouble() - microbatches.Sizes!.Zip(sums.view(-1).data<double>(), (size, sum) => size * sum).Sum()).Should().BeApproximately(0, 1e-9);
    }

    [Fact]
    public void At_random_examples_are_put_together_as_often_as_chance_has_it()
    {
        // Whether examples 0 and 1 share one of 5 microbatches: in 1/5 of all draws, 7 standard errors of 5,000.
        using var scope = NewDisposeScope();
        var values = arange(5, dtype: ScalarType.Float64);
        var shared = Enumerable.Range(0, 5_000).Count(_ =>
        {
            using var inner = NewDisposeScope();
            var places = Microbatches.AtRandom(3, 5).Spread(values).data<double>().ToArray();
            return places[0] == places[1];
        });
        shared.Should().BeInRange(1000 - 7 * 29, 1000 + 7 * 29);
    }

    [Fact]
    public void An_empty_batch_at_random_has_empty_microbatches()
    {
        using var scope = NewDisposeScope();
        Microbatches.AtRandom(0, 3).Sizes.Should().Equal(0, 0, 0);
        Microbatches.AtRandom(0, 3).Positions().Should().HaveCount(3).And.OnlyContain(p => p.Length == 0);
    }
}
