using DpSgd.Accounting;
using MathNet.Numerics.Distributions;

namespace DpSgd.Tests.Sampling;

/// <summary>
/// Who is in a batch, as often as the samplings say. All counts must lie within 7 standard errors, which chance breaks for
/// one count in 4 * 10^11; there are less than 10,000. Seeds make the tests deterministic, but for one with the secure generator.
/// </summary>
public class SamplersTests
{
    [Fact]
    public void Numbers_below_a_bound_that_is_no_small_part_of_a_word_are_alike()
    {
        // Of eight equal parts of all words three each would become 3k and 3k + 1, and two 3k + 2.
        var random = new RandomWords(new Random(1));
        const int Draws = 30_000;
        var remainders = Enumerable.Range(0, Draws).CountBy(_ => random.Below(3L << 61) % 3).ToDictionary();
        remainders.Values.Should().HaveCount(3).And.OnlyContain(count => Math.Abs(count - Draws / 3) < 500);
    }

    private const int Epochs = 4_000;

    public static TheoryData<BatchSampling, double, double> Rates => new()
    {
        // Probability of an example, and of two together.
        { new PoissonSampling(0.3, 20), 0.3, 0.09 },
        { new FixedSizeSampling(6, 20), 0.3, 6 * 5 / (20.0 * 19) },
        { new ShuffledSampling(5, 20), 0.25, 5 * 4 / (20.0 * 19) },
        { new TruncatedPoissonSampling(0.3, 20, 7), Truncated(k => k / 20.0), Truncated(k => k * (k - 1) / (20.0 * 19)) },
    };

    // The moment of the size of min(Binomial(20, 0.3), 7) that it takes by symmetry.
    private static double Truncated(Func<double, double> share) =>
        Enumerable.Range(0, 21).Sum(k => Binomial.PMF(0.3, 20, k) * share(Math.Min(k, 7)));

    [Theory]
    [MemberData(nameof(Rates))]
    public void Each_example_and_each_pair_is_as_likely_as_any_other(BatchSampling sampling, double one, double two)
    {
        var batches = Draw(sampling, RandomWords.OfSeed(1, 0)).ToList();
        batches.Should().OnlyContain(batch => batch.Distinct().Count() == batch.Length && sampling.CanHave(batch.Length));

        var present = batches.Select(batch => batch.ToHashSet()).ToList();
        for (var i = 0L; i < 20; i++)
        {
            Check(present.Count(batch => batch.Contains(i)), batches.Count, one);
            for (var j = 0L; j < i; j++)
                Check(present.Count(batch => batch.Contains(i) && batch.Contains(j)), batches.Count, two);
        }
    }

    [Theory]
    [InlineData("poisson")]
    [InlineData("truncated")]
    [InlineData("fixed")]
    public void What_one_batch_has_says_nothing_of_the_next(string kind)
    {
        BatchSampling sampling = kind switch
        {
            "poisson" => new PoissonSampling(0.3, 20),
            "truncated" => new TruncatedPoissonSampling(0.3, 20, 7),
            _ => new FixedSizeSampling(6, 20),
        };
        var present = Draw(sampling, RandomWords.OfSeed(2, 0)).Select(batch => batch.ToHashSet()).ToList();
        var rate = present.Average(batch => batch.Count) / 20.0;
        foreach (var (i, j) in new[] { (0L, 0L), (3, 3), (3, 4), (19, 0) })
            Check(present.Zip(present.Skip(1)).Count(pair => pair.First.Contains(i) && pair.Second.Contains(j)), present.Count - 1, rate * rate);
    }

    [Fact]
    public void A_truncated_sample_drops_whom_chance_has_it_drop()
    {
        // Of a full batch every example is an equal part: dropping the last ones, or the first, would show here.
        var full = Draw(new TruncatedPoissonSampling(0.5, 12, 3), RandomWords.OfSeed(3, 0)).Where(batch => batch.Length == 3).ToList();
        Check(full.Count, Epochs * 2, 1 - Binomial.CDF(0.5, 12, 2));
        for (var i = 0L; i < 12; i++)
            Check(full.Count(batch => batch.Contains(i)), full.Count, 3.0 / 12);
    }

    [Fact]
    public void Every_set_of_a_fixed_size_is_as_likely_as_any_other()
    {
        var batches = Draw(new FixedSizeSampling(3, 6), RandomWords.OfSeed(4, 0)).ToList();
        var sets = batches.GroupBy(batch => string.Join(",", batch)).ToList();
        sets.Should().HaveCount(20, "there are so many sets of 3 out of 6");
        foreach (var set in sets)
            Check(set.Count(), batches.Count, 1 / 20.0);
        batches.Should().OnlyContain(batch => batch.Order().SequenceEqual(batch));
    }

    [Fact]
    public void An_epoch_has_each_example_once_in_an_order_that_is_new_each_time()
    {
        var sampling = new ShuffledSampling(4, 10);
        sampling.BatchesPerEpoch.Should().Be(3);
        var random = RandomWords.OfSeed(5, 0);
        var epochs = Enumerable.Range(0, 20_000).Select(_ => sampling.Draw(random).ToList()).ToList();
        epochs.Should().OnlyContain(epoch => epoch.Select(batch => batch.Length).SequenceEqual(new[] { 4, 4, 2 }));
        epochs.Should().OnlyContain(epoch => epoch.SelectMany(batch => batch).Order().SequenceEqual(Enumerable.Range(0, 10).Select(i => (long)i)));
        for (var i = 0L; i < 10; i++)
        {
            Check(epochs.Count(epoch => epoch[2].Contains(i)), epochs.Count, 0.2);
            Check(epochs.Count(epoch => epoch[0][0] == i), epochs.Count, 0.1);
            Check(epochs.Zip(epochs.Skip(1)).Count(pair => pair.First[2].Contains(i) && pair.Second[2].Contains(i)), epochs.Count - 1, 0.04);
        }
    }

    [Theory]
    [MemberData(nameof(Rates))]
    public void The_secure_generator_draws_the_same_way(BatchSampling sampling, double one, double two)
    {
        two.Should().BeLessThan(one);
        var batches = Draw(sampling, new RandomWords(null)).ToList();
        for (var i = 0L; i < 20; i++)
            Check(batches.Count(batch => batch.Contains(i)), batches.Count, one);
    }

    [Fact]
    public void The_extremes_work()
    {
        var random = RandomWords.OfSeed(6, 0);
        new FixedSizeSampling(5, 5).Draw(random).Should().ContainSingle().Which.Should().Equal(0, 1, 2, 3, 4);
        new ShuffledSampling(1, 1).Draw(random).Should().ContainSingle().Which.Should().Equal(0);
        new TruncatedPoissonSampling(1, 5, 5).Draw(random).Should().ContainSingle().Which.Should().Equal(0, 1, 2, 3, 4);
        new TruncatedPoissonSampling(1, 5, 1).Draw(random).Should().ContainSingle().Which.Should().ContainSingle();
        new FixedSizeSampling(3, 1L << 40).Draw(random).First().Should().HaveCount(3).And.OnlyHaveUniqueItems().And.OnlyContain(i => i < 1L << 40);
    }

    [Fact]
    public void Numbers_below_a_bound_are_equally_likely()
    {
        var random = RandomWords.OfSeed(7, 0);
        var counts = new int[3];
        for (var i = 0; i < 60_000; i++)
            counts[random.Below(3)]++;
        foreach (var count in counts)
            Check(count, 60_000, 1 / 3.0);
        // Without rejection a third of the numbers below 3/4 * 2^63 would be twice as likely as the others.
        var bound = 3L << 61;
        Check(Enumerable.Range(0, 60_000).Count(_ => random.Below(bound) < bound / 3), 60_000, 1 / 3.0);
        random.Below(1).Should().Be(0);
    }

    [Fact]
    public void The_number_of_batches_is_the_data_set_over_the_batch_rounded_up()
    {
        foreach (var (batch, examples, count) in new[] { (250, 60_000, 240), (256, 60_000, 235), (1, 7, 7), (7, 7, 1), (3, 93, 31), (49, 49 * 49, 49), (3, 1_000_000_000, 333_333_334) })
        {
            PoissonSampling.Of(batch, examples).BatchesPerEpoch.Should().Be(count);
            new FixedSizeSampling(batch, examples).BatchesPerEpoch.Should().Be(count);
            new ShuffledSampling(batch, examples).BatchesPerEpoch.Should().Be(count);
        }
        var truncated = new TruncatedPoissonSampling(0.5, 100, 10);
        truncated.BatchesPerEpoch.Should().Be(2, "a Poisson sample has 50 on average");
        truncated.Draw(new RandomWords(null)).Should().HaveCount(2);
    }

    [Fact]
    public void Each_has_its_own_event_and_none_claims_amplification_from_a_seed()
    {
        var gaussian = new GaussianDpEvent(1.3);
        new PoissonSampling(0.1, 100).EventOf(gaussian).Should().Be(new PoissonSampledDpEvent(0.1, gaussian));
        new TruncatedPoissonSampling(0.1, 100, 20).EventOf(gaussian).Should().Be(new TruncatedSubsampledGaussianDpEvent(100, 0.1, 20, 1.3));
        new FixedSizeSampling(10, 100).EventOf(gaussian).Should().Be(new SampledWithoutReplacementDpEvent(100, 10, gaussian));
        new ShuffledSampling(10, 100).EventOf(gaussian).Should().Be(gaussian);
        BatchSampling[] all = [new PoissonSampling(0.1, 100), new TruncatedPoissonSampling(0.1, 100, 20), new FixedSizeSampling(10, 100), new ShuffledSampling(10, 100)];
        foreach (var sampling in all)
            (sampling with { IsSecret = false }).EventOf(gaussian).Should().Be(gaussian);
        FluentActions.Invoking(() => new TruncatedPoissonSampling(0.1, 100, 20).EventOf(new LaplaceDpEvent(1))).Should().Throw<NotSupportedException>().WithMessage("*LaplaceDpEvent*truncated*");
    }

    [Fact]
    public void The_expected_size_of_a_truncated_batch_is_never_above_the_maximum()
    {
        new TruncatedPoissonSampling(0.1, 100, 20).ExpectedBatchSize.Should().Be(10);
        new TruncatedPoissonSampling(0.1, 100, 4).ExpectedBatchSize.Should().Be(4);
        new TruncatedPoissonSampling(0.1, 100, 4).Draw(RandomWords.OfSeed(1, 0)).Should().HaveCount(10);
    }

    private static IEnumerable<long[]> Draw(BatchSampling sampling, RandomWords random) =>
        Enumerable.Range(0, Epochs).SelectMany(_ => sampling.Draw(random));

    private static void Check(double count, int trials, double probability) =>
        count.Should().BeInRange(
            trials * probability - 7 * Math.Sqrt(trials * probability * (1 - probability)),
            trials * probability + 7 * Math.Sqrt(trials * probability * (1 - probability)));
}
