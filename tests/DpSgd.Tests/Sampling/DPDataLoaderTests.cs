using DpSgd.Tests.TestKit;
using TorchSharp;
using static TorchSharp.torch;

namespace DpSgd.Tests.Sampling;

/// <summary>What all loaders have in common, tried on each of them.</summary>
public class DPDataLoaderTests
{
    private const int N = 23;

    public static TheoryData<string, int, int?> Kinds
    {
        get
        {
            var data = new TheoryData<string, int, int?>();
            foreach (var kind in new[] { "poisson", "truncated", "fixed", "shuffled" })
            {
                foreach (var prefetch in new[] { 0, 1, 3 })
                {
                    data.Add(kind, prefetch, null);
                    data.Add(kind, prefetch, 2);
                }
            }
            return data;
        }
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public void Batches_are_the_rows_at_the_indices(string kind, int prefetch, int? most)
    {
        using var scope = NewDisposeScope();
        var (x, y) = Data();
        using var loader = Loader(kind, x, y, 1, prefetch, most);
        var count = 0;
        foreach (var (examples, labels) in loader)
        {
            count++;
            examples.shape.Should().Equal(labels.shape[0], 3);
            labels.data<long>().ToArray().Should().Equal(loader.Indices);
            examples.select(1, 2).to(ScalarType.Int64).equal(labels).all().ToBoolean().Should().BeTrue();
            (labels.shape[0] <= (most ?? N)).Should().BeTrue();
        }
        count.Should().Be(Loader(kind, x, y, 1, 0, most).Count(_ => true));
        loader.Invoking(l => l.Indices).Should().Throw<InvalidOperationException>().WithMessage("*inside the loop*");
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public void A_seed_makes_the_same_batches_prefetched_or_not_in_pieces_or_not_broken_off_or_not(string kind, int prefetch, int? most)
    {
        using var scope = NewDisposeScope();
        var (x, y) = Data();
        static List<List<long>> ThreeEpochs(DPDataLoader<(Tensor, Tensor)> loader, bool breakOffTheSecond = false)
        {
            var epochs = new List<List<long>>();
            for (var epoch = 0; epoch < 3; epoch++)
            {
                epochs.Add([]);
                foreach (var _ in loader)
                {
                    epochs[^1].AddRange(loader.Indices);
                    if (breakOffTheSecond && epoch == 1)
                        break;
                }
            }
            return epochs;
        }

        var plain = ThreeEpochs(Loader(kind, x, y, 5, 0, null));
        var other = ThreeEpochs(Loader(kind, x, y, 5, prefetch, most), breakOffTheSecond: true);
        other[0].Should().Equal(plain[0]);
        other[2].Should().Equal(plain[2]);
        plain[0].Should().NotEqual(plain[1]);
        ThreeEpochs(Loader(kind, x, y, 6, prefetch, most))[0].Should().NotEqual(plain[0]);
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public void Without_a_seed_no_epoch_is_like_another_and_the_sampling_is_secret(string kind, int prefetch, int? most)
    {
        using var scope = NewDisposeScope();
        var (x, y) = Data();
        using var loader = Loader(kind, x, y, null, prefetch, most);
        loader.Sampling.IsSecret.Should().BeTrue();
        using var seeded = Loader(kind, x, y, 1, prefetch, most);
        seeded.Sampling.IsSecret.Should().BeFalse();
        // The least likely to differ are Poisson batches; 5 epochs of 23 examples agree by chance less than once in 10^20.
        List<long> Five() => [.. Enumerable.Range(0, 5).SelectMany(_ => loader).SelectMany(_ => loader.Indices)];
        Five().Should().NotEqual(Five());
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public void A_loop_that_ends_in_any_way_leaves_no_tensor_behind(string kind, int prefetch, int? most)
    {
        using var outer = NewDisposeScope();
        var (x, y) = Data();
        using var loader = Loader(kind, x, y, 1, prefetch, most);
        var source = new Breakable(x);
        void Loops()
        {
            foreach (var (examples, labels) in loader)
                (examples.shape[0] == labels.shape[0]).Should().BeTrue();
            foreach (var _ in loader)
                break;
            FluentActions.Invoking(() =>
            {
                foreach (var _ in loader)
                    throw new OperationCanceledException();
            }).Should().Throw<OperationCanceledException>();
            using var broken = new DPDataLoader<Tensor>(source, new ShuffledSampling(4, N), most, prefetch);
            FluentActions.Invoking(() => broken.Count(_ => true)).Should().Throw<InvalidDataException>();
            // Disposed in the middle of its loop.
            var disposed = Loader(kind, x, y, 1, prefetch, most);
            FluentActions.Invoking(() =>
            {
                foreach (var _ in disposed)
                    disposed.Dispose();
            }).Should().Throw<ObjectDisposedException>();
            using var never = Loader(kind, x, y, 1, prefetch, most).GetEnumerator();
        }

        Loops();
        var before = LiveTensors.Settled();
        for (var i = 0; i < 3; i++)
            Loops();
        (Tensor.TotalCount - before).Should().Be(0);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(2)]
    public void A_failing_source_fails_in_the_loop_after_the_batches_before(int prefetch)
    {
        using var scope = NewDisposeScope();
        using var loader = new DPDataLoader<Tensor>(new Breakable(Data().X), new ShuffledSampling(4, N), prefetch: prefetch);
        var seen = 0;
        FluentActions.Invoking(() =>
        {
            foreach (var _ in loader)
                seen++;
        }).Should().Throw<InvalidDataException>().WithMessage("*third*");
        seen.Should().Be(2);
    }

    [Fact]
    public void A_disposed_loader_draws_no_more_and_has_disposed_its_source()
    {
        using var scope = NewDisposeScope();
        var source = new Breakable(Data().X);
        var loader = new DPDataLoader<Tensor>(source, new FixedSizeSampling(4, N));
        loader.Dispose();
        loader.Dispose();
        source.Disposals.Should().Be(1);
        FluentActions.Invoking(() => loader.First()).Should().Throw<ObjectDisposedException>();
    }

    [Theory]
    [InlineData(0)]
    [InlineData(2)]
    public void Datasets_are_batched_by_name_for_every_sampling(int prefetch)
    {
        using var scope = NewDisposeScope();
        var dataset = new Squares();
        DPDataLoader<IReadOnlyDictionary<string, Tensor>>[] loaders =
        [
            new PoissonDatasetLoader(dataset, 2, disposeDataset: false, prefetch: prefetch),
            new TruncatedPoissonDatasetLoader(dataset, 2, 3, disposeDataset: false, prefetch: prefetch, maxPhysicalBatchSize: 2),
            new FixedSizeDatasetLoader(dataset, 2, disposeDataset: false, prefetch: prefetch),
            new ShuffledDatasetLoader(dataset, 2, disposeDataset: true, prefetch: prefetch),
        ];
        foreach (var loader in loaders)
        {
            var examples = 0L;
            foreach (var batch in loader)
            {
                batch["x"].shape.Should().Equal(batch["square"].shape[0], 2);
                batch["x"].select(1, 0).square().equal(batch["square"]).all().ToBoolean().Should().BeTrue();
                examples += batch["square"].shape[0];
            }
            if (loader is ShuffledDatasetLoader)
                examples.Should().Be(9);
            loader.Dispose();
            dataset.IsDisposed.Should().Be(loader is ShuffledDatasetLoader);
        }
    }

    [Fact]
    public void Tensors_that_are_disposed_are_told_from_other_mistakes()
    {
        using var scope = NewDisposeScope();
        var (x, y) = Data();
        using var loader = new PoissonDataLoader(x, y, expectedBatchSize: 5);
        using var bare = nn.Linear(2, 2);
        using var optimizer = new DPOptimizer(optim.SGD(bare.parameters(), 1), bare, new() { L2NormClip = 1, NoiseMultiplier = 1, Sampling = loader.Sampling });
        var (kept, _) = loader.ToList()[0];
        bare.Invoking(model => model.call(kept)).Should().Throw<InvalidOperationException>().WithMessage("*a tensor that is disposed*inside the loop*");

        y.Dispose();
        loader.Invoking(l => l.First()).Should().Throw<InvalidOperationException>().WithMessage("*draws from were disposed*");
    }

    [Fact]
    public void Wrong_arguments_are_refused_by_name()
    {
        using var scope = NewDisposeScope();
        var (x, y) = Data();
        Refuses(() => new FixedSizeDataLoader(x, y, batchSize: 0), "batchSize", "*from 1 to 23*0*");
        Refuses(() => new ShuffledDataLoader(x, y, batchSize: 24), "batchSize", "*from 1 to 23*24*");
        Refuses(() => new TruncatedPoissonDataLoader(x, y, expectedBatchSize: 24, maxBatchSize: 5), "expectedBatchSize", "*from 1 to 23*24*");
        Refuses(() => new TruncatedPoissonDataLoader(x, y, expectedBatchSize: 2, maxBatchSize: 0), "maxBatchSize", "*from 1 to 23*0*");
        Refuses(() => new PoissonDataLoader(x, y, 2, maxPhysicalBatchSize: 0), "maxPhysicalBatchSize", "*at least 1*0*");
        Refuses(() => new PoissonDataLoader(x, y, 2, prefetch: -1), "prefetch", "*at least 0*-1*");
        Refuses(() => new FixedSizeDataLoader(x, zeros(9), batchSize: 1), "labels", "*9 labels for 23*");
        Refuses(() => new PoissonDataLoader(zeros(0, 2), zeros(0), 1), "examples", "*at least one row*0*");
        Refuses(() => new PoissonDataLoader(tensor(1f), zeros(1), 1), "examples", "*scalar*");
        Refuses(() => new DPDataLoader<Tensor>(new Breakable(zeros(0, 2)), new FixedSizeSampling(1, 1)), "source", "*at least one example*");
        Refuses(() => new DPDataLoader<Tensor>(new Breakable(x), new FixedSizeSampling(4, 22)), "sampling", "*22 examples*23*");
        Refuses(() => new DPDataLoader<Tensor>(null!, new FixedSizeSampling(4, 22)), "source", "*");
        Refuses(() => new DPDataLoader<Tensor>(new Breakable(x), null!), "sampling", "*");
        Refuses(() => new FixedSizeSampling(4, 0), "DatasetSize", "*at least 1*0*");
        Refuses(() => new FixedSizeSampling(4, 3), "BatchSize", "*from 1 to 3*4*");
        Refuses(() => new ShuffledSampling(0, 3), "BatchSize", "*from 1 to 3*0*");
        Refuses(() => new TruncatedPoissonSampling(double.NaN, 3, 1), "Probability", "*(0, 1]*NaN*");
        Refuses(() => new TruncatedPoissonSampling(0.5, 3, 4), "MaxBatchSize", "*from 1 to 3*4*");
        Refuses(() => _ = new FixedSizeSampling(2, 3) with { BatchSize = 9 }, "BatchSize", "*from 1 to 3*9*");

        static void Refuses(Action action, string name, string message) =>
            action.Should().Throw<ArgumentException>().WithParameterName(name).WithMessage(message);
    }

    private static (Tensor X, Tensor Y) Data()
    {
        var y = arange(N);
        return (y.view(N, 1).expand(N, 3).to(ScalarType.Float32), y);
    }

    private static DPDataLoader<(Tensor Examples, Tensor Labels)> Loader(string kind, Tensor x, Tensor y, int? seed, int prefetch, int? most) => kind switch
    {
        "poisson" => new PoissonDataLoader(x, y, 5, seedForTests: seed, prefetch: prefetch, maxPhysicalBatchSize: most),
        "truncated" => new TruncatedPoissonDataLoader(x, y, 5, 6, seedForTests: seed, prefetch: prefetch, maxPhysicalBatchSize: most),
        "fixed" => new FixedSizeDataLoader(x, y, 5, seedForTests: seed, prefetch: prefetch, maxPhysicalBatchSize: most),
        _ => new ShuffledDataLoader(x, y, 5, seedForTests: seed, prefetch: prefetch, maxPhysicalBatchSize: most),
    };

    private sealed class Breakable(Tensor rows) : IBatchSource<Tensor>
    {
        private int _batches;

        public int Disposals { get; private set; }

        public long Count => rows.shape[0];

        public Tensor Collate(long[] indices)
        {
            if (++_batches % 3 == 0)
                throw new InvalidDataException("the third cannot be read");
            using var index = tensor(indices);
            return rows.index_select(0, index).DetachFromDisposeScope();
        }

        public IEnumerable<Tensor> TensorsOf(Tensor batch) => [batch];

        public void Dispose() => Disposals++;
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
