using DpSgd.Accounting;
using TorchSharp;
using static TorchSharp.torch;

namespace DpSgd.Tests.Sampling;

/// <summary>Seeds make the statistical tests deterministic; one test with the secure generator has a false-alarm rate of 10^-9.</summary>
public class PoissonDataLoaderTests
{
    [Fact]
    public void Each_example_is_present_independently_with_the_same_probability()
    {
        const int examples = 50, draws = 20_000;
        const double probability = 0.13;
        var sampler = new PoissonSampler(examples, probability, new RandomWords(null));
        var count = new int[examples];
        var together = new int[examples];
        double sizes = 0, squares = 0;
        for (var i = 0; i < draws; i++)
        {
            var drawn = sampler.Draw();
            drawn.Should().BeInAscendingOrder().And.OnlyHaveUniqueItems();
            var present = drawn.ToHashSet();
            foreach (var index in drawn)
            {
                count[index]++;
                if (present.Contains((index + 1) % examples))
                    together[index]++;
            }
            sizes += drawn.Length;
            squares += drawn.Length * drawn.Length;
        }

        // 100 binomial counts, 7 standard errors each: a false alarm once in 4 * 10^9.
        count.Should().OnlyContain(c => Math.Abs(c - draws * probability) < 7 * Math.Sqrt(draws * probability * (1 - probability)));
        var pair = probability * probability;
        together.Should().OnlyContain(c => Math.Abs(c - draws * pair) < 7 * Math.Sqrt(draws * pair * (1 - pair)));
        // A binomial size has variance n q (1 - q); that of 20,000 of them is known to 1% (7 standard errors: 7%).
        var variance = squares / draws - sizes / draws * (sizes / draws);
        variance.Should().BeApproximately(examples * probability * (1 - probability), 0.07 * examples * probability * (1 - probability));
    }

    [Theory]
    [InlineData(1.0)]
    [InlineData(1e-12)]
    public void Extreme_probabilities_work(double probability)
    {
        var drawn = new PoissonSampler(1000, probability, new RandomWords(new Random(1))).Draw();
        drawn.Should().HaveCount(probability == 1 ? 1000 : 0);
    }

    [Fact]
    public void Batches_are_rows_of_both_tensors_and_may_be_empty()
    {
        using var scope = NewDisposeScope();
        var x = arange(20).view(20, 1).expand(20, 3).to(ScalarType.Float32);
        var y = arange(20);
        using var loader = new PoissonDataLoader(x, y, expectedBatchSize: 1, seedForTests: 3);
        loader.Count.Should().Be(20);
        loader.Sampling.Should().Be(new PoissonSampling(0.05, 20) { IsSecret = false });
        loader.Sampling.ExpectedBatchSize.Should().Be(1);
        var sizes = new List<long>();
        foreach (var (examples, labels) in loader)
        {
            sizes.Add(examples.shape[0]);
            examples.shape.Should().Equal(labels.shape[0], 3);
            for (var i = 0; i < labels.shape[0]; i++)
                examples[i, 2].ToSingle().Should().Be(labels[i].ToInt64());
        }

        sizes.Should().HaveCount(20).And.Contain(0).And.Contain(size => size > 1);
    }

    [Fact]
    public void Without_a_seed_epochs_differ_and_the_sampling_is_secret()
    {
        using var scope = NewDisposeScope();
        var y = arange(1000);
        using var loader = new PoissonDataLoader(y, y, expectedBatchSize: 100);
        loader.Sampling.IsSecret.Should().BeTrue();
        List<long> Epoch() => loader.SelectMany(batch => batch.Labels.data<long>().ToArray()).ToList();
        Epoch().Should().NotEqual(Epoch());
    }

    [Fact]
    public void Sampling_gives_the_event_of_a_Poisson_sample()
    {
        using var scope = NewDisposeScope();
        var y = arange(60_000);
        using var loader = new PoissonDataLoader(y, y, expectedBatchSize: 250);
        loader.Sampling.EventOf(new GaussianDpEvent(1.3)).Should().Be(new PoissonSampledDpEvent(250.0 / 60_000, new GaussianDpEvent(1.3)));
        loader.Count.Should().Be(240);
    }

    [Fact]
    public void A_dataset_is_batched_by_name()
    {
        var dataset = new Squares();
        using (NewDisposeScope())
        {
            using var loader = new PoissonDatasetLoader(dataset, expectedBatchSize: 1, seedForTests: 1);
            var empty = 0;
            foreach (var batch in loader)
            {
                batch["x"].shape.Should().Equal(batch["square"].shape[0], 2);
                batch["square"].dim().Should().Be(1);
                empty += batch["square"].shape[0] == 0 ? 1 : 0;
                if (batch["square"].shape[0] > 0)
                    batch["x"].select(1, 0).square().equal(batch["square"]).all().ToBoolean().Should().BeTrue();
            }
            empty.Should().BePositive();
        }
        dataset.IsDisposed.Should().BeTrue();
    }

    [Fact]
    public void Wrong_arguments_are_refused_by_name()
    {
        using var scope = NewDisposeScope();
        var x = zeros(10, 2);
        var y = zeros(10);
        FluentActions.Invoking(() => new PoissonDataLoader(x, y, expectedBatchSize: 0)).Should().Throw<ArgumentOutOfRangeException>().WithParameterName("expectedBatchSize").WithMessage("*from 1 to 10*0*");
        FluentActions.Invoking(() => new PoissonDataLoader(x, y, expectedBatchSize: 11)).Should().Throw<ArgumentOutOfRangeException>().WithParameterName("expectedBatchSize");
        FluentActions.Invoking(() => new PoissonDataLoader(x, zeros(9), expectedBatchSize: 1)).Should().Throw<ArgumentException>().WithParameterName("labels").WithMessage("*9 labels for 10 examples*");
        FluentActions.Invoking(() => new PoissonDataLoader(zeros([]), y, expectedBatchSize: 1)).Should().Throw<ArgumentException>().WithParameterName("examples");
        FluentActions.Invoking(() => new PoissonDataLoader(zeros(0, 2), zeros(0), expectedBatchSize: 1)).Should().Throw<ArgumentOutOfRangeException>();
        FluentActions.Invoking(() => new PoissonDataLoader(null!, y, expectedBatchSize: 1)).Should().Throw<ArgumentNullException>().WithParameterName("examples");
        FluentActions.Invoking(() => new PoissonDatasetLoader(null!, expectedBatchSize: 1)).Should().Throw<ArgumentNullException>().WithParameterName("dataset");
    }

    private sealed class Squares : utils.data.Dataset
    {
        public bool IsDisposed { get; private set; }

        public override long Count => 9;

        public override Dictionary<string, Tensor> GetTensor(long index) => new()
        {
            ["x"] = full(2, (float)index),
            ["square"] = tensor((float)(index * index)),
        };

        protected override void Dispose(bool disposing) => IsDisposed = true;
    }
}
