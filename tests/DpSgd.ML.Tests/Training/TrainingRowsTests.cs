using DpSgd.ML.Tasks;
using DpSgd.ML.Tests.TestKit;
using DpSgd.ML.Training;
using Microsoft.ML;
using Microsoft.ML.Data;
using Microsoft.ML.Runtime;

namespace DpSgd.ML.Tests.Training;

public class TrainingRowsTests
{
    private readonly MLContext _mlContext = new(seed: 0);

    [Fact]
    public void Rows_are_kept_as_they_were_read_over_several_pieces()
    {
        // More than a million values: three pieces.
        var rows = Read(Wide.Stream(3000, reuse: false));
        rows.Count.Should().Be(3000);
        for (var i = 0; i < 3000; i++)
        {
            rows.Features(i).ToArray().Should().OnlyContain(x => x == i);
            rows.Label(i).Should().Be(i % 2);
        }
    }

    [Fact]
    public void The_data_are_read_once()
    {
        var reads = 0;
        IEnumerable<ToyRow> Stream()
        {
            reads++;
            foreach (var row in Toy.Rows(600))
                yield return row;
        }
        _mlContext.DpSgd().BinaryClassification(Toy.BinaryOptions).Fit(_mlContext.Data.LoadFromEnumerable(Stream()));
        reads.Should().Be(1);
    }

    [Fact]
    public void A_million_rows_take_no_more_memory_than_their_values_and_a_few_pieces()
    {
        const int count = 1_000_000;
        const long values = count * (long)(Small.FeatureCount + 1) * sizeof(float);
        var data = _mlContext.Data.LoadFromEnumerable(Small.Stream(count));
        var trainer = _mlContext.DpSgd().BinaryClassification(Toy.Options with { NumberOfEpochs = 1, ExpectedBatchSize = 20_000 });
        trainer.Fit(_mlContext.Data.LoadFromEnumerable(Small.Stream(20_000)));   // what is made once is not counted

        // All that is ever allocated while it trains bounds what is held at any time.
        var before = GC.GetTotalAllocatedBytes(precise: true);
        trainer.Fit(data).Guarantee.Run.NumberOfExamples.Should().Be(count);
        var allocated = GC.GetTotalAllocatedBytes(precise: true) - before;
        allocated.Should().BeInRange(values, values + 64_000_000);
    }

    [Fact]
    public void Batches_are_the_rows_that_were_drawn()
    {
        var rows = Read(Wide.Stream(300, reuse: true));
        using var loader = RowBatches.Loader(rows, 20);
        var seen = 0;
        foreach (var (features, labels) in loader)
        {
            features.shape.Should().Equal(labels.shape[0], Wide.FeatureCount);
            var (x, y) = (features.data<float>().ToArray(), labels.data<float>().ToArray());
            for (var i = 0; i < y.Length; i++)
            {
                x.Skip(i * Wide.FeatureCount).Take(Wide.FeatureCount).Should().OnlyContain(value => value == x[i * Wide.FeatureCount]);
                y[i].Should().Be(x[i * Wide.FeatureCount] % 2);
                seen++;
            }
        }
        // 300 binomial draws of 1 / 15, fifteen times: a standard deviation of 17.
        seen.Should().BeInRange(150, 450);
    }

    [Fact]
    public void Empty_batches_are_trained_on()
    {
        // With one row expected of three, e^-1 of the batches are empty.
        var model = _mlContext.DpSgd().BinaryClassification(Toy.BinaryOptions with { ExpectedBatchSize = 1, NumberOfEpochs = 20 }).Fit(_mlContext.Data(12));
        model.Guarantee.Run.Steps.Should().Be(240);
        model.Model.Layers[0].Weights.ToArray().Should().OnlyContain(weight => float.IsFinite(weight));
    }

    private TrainingRows Read(IEnumerable<Wide> stream)
    {
        var data = _mlContext.Data.LoadFromEnumerable(stream);
        return TrainingRows.Read(data, new(data.Schema["Label"], data.Schema["Features"]), BinaryTask.Instance, [], Never);
    }

    private static Cancellation Never => new(((IHostEnvironment)new MLContext()).Register("Test"), CancellationToken.None);

    private sealed class Wide
    {
        public const int FeatureCount = 1000;

        [VectorType(FeatureCount)]
        public float[] Features { get; } = new float[FeatureCount];

        public bool Label { get; set; }

        public static IEnumerable<Wide> Stream(int count, bool reuse)
        {
            var row = new Wide();
            for (var i = 0; i < count; i++)
            {
                row = reuse ? row : new Wide();
                Array.Fill(row.Features, i);
                row.Label = i % 2 == 1;
                yield return row;
            }
        }
    }

    private sealed class Small
    {
        public const int FeatureCount = 20;

        [VectorType(FeatureCount)]
        public float[] Features { get; } = new float[FeatureCount];

        public bool Label { get; set; }

        /// <summary>A stream that is never in memory: each row is in the same object.</summary>
        public static IEnumerable<Small> Stream(int count)
        {
            var row = new Small();
            for (var i = 0; i < count; i++)
            {
                row.Features[i % FeatureCount] = i % 7 - 3;
                row.Label = i % 3 == 0;
                yield return row;
            }
        }
    }
}
