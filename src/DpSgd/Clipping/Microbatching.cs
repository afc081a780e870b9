using System.Globalization;
using DpSgd.Accounting;

namespace DpSgd.Clipping;

/// <summary>
/// How the batches of a run are divided into microbatches, how many a batch has on average, and what that means for the
/// sensitivity.
/// </summary>
internal sealed class Microbatching
{
    private const double Tolerance = 1e-9;   // a probability times a data set's size is rarely a whole number exactly

    private readonly DPOptimizerOptions _options;
    private readonly double? _expectedBatchSize;

    /// <exception cref="ArgumentException">Both sizes are given, or they do not divide the expected batch.</exception>
    public Microbatching(DPOptimizerOptions options)
    {
        _options = options;
        _expectedBatchSize = options.Sampling?.ExpectedBatchSize;
        if (options is { NumMicrobatches: not null, MicrobatchSize: not null })
        {
            throw new ArgumentException(
                "NumMicrobatches and MicrobatchSize say the same thing in two ways. Give one of them.",
                nameof(DPOptimizerOptions.MicrobatchSize));
        }
        if (_expectedBatchSize is { } expected && options.NumMicrobatches is { } count && !IsWhole(expected / count))
            throw Undivided(count, expected, "expected batch size");
    }

    /// <summary>How many examples a microbatch has, on average where a sampling is declared; null if it depends on the batch.</summary>
    public double? UsualSize => (_options.MicrobatchSize, _options.NumMicrobatches) switch
    {
        ({ } size, _) => size,
        (_, { } count) => _expectedBatchSize / count,
        _ => 1,
    };

    /// <summary>The partition of one batch.</summary>
    /// <exception cref="ArgumentException">NumMicrobatches does not divide the batch.</exception>
    public Microbatches Divide(long batchSize)
    {
        var size = SizeFor(batchSize);
        if (size == 1)
            return Microbatches.OfOne(batchSize);
        return (_options.Sampling, _expectedBatchSize) switch
        {
            (null, _) => Microbatches.Consecutive(batchSize, size),
            ({ HasFixedSizes: true }, _) => Microbatches.AtRandomInEqualParts(batchSize, size),
            var (_, expected) => Microbatches.AtRandom(batchSize, (int)CountIn(expected!.Value, size)),
        };
    }

    /// <summary>
    /// What the sum over microbatches is divided by: with a declared sampling a number that does not depend on who is in the
    /// batch, and without one the batch's own, which then counts as public.
    /// </summary>
    /// <exception cref="InvalidOperationException">The batch is empty, and no sampling says how large it should have been.</exception>
    public double ExpectedCount(long batchSize)
    {
        if (_expectedBatchSize is { } expected)
            return SizeFor(batchSize) is var size and > 1 ? CountIn(expected, size) : expected;
        if (batchSize == 0)
        {
            throw new InvalidOperationException(
                "The batch is empty, and without a declared sampling nobody knows how large a batch should be. " +
                "Set DPOptimizerOptions.Sampling from the loader, or leave empty batches out.");
        }
        return CountIn(batchSize, SizeFor(batchSize));
    }

    /// <summary>
    /// The noise multiplier that the mechanism really has. Adding or removing an example changes the average of a
    /// microbatch that has others too from one vector of norm C to another, by up to 2C, and not by C as when it is alone.
    /// Replacing an example changes a sum by up to 2C either way, which accountants know. Only where each example is present
    /// by chance of its own do they compare both, the example and what took its place, with its absence too, and take it
    /// that each is within C of that. (Where an example pushes another one out of a truncated sample, two microbatches
    /// change; the event takes that for a change twice as large. An example that is blanked out counts as absent, in the
    /// size of its microbatch too.)
    /// </summary>
    /// <param name="noiseMultiplier">Standard deviation of the noise over C.</param>
    /// <param name="batchSize">Number of examples in the batch.</param>
    /// <param name="relation">Which data sets are compared.</param>
    public double EffectiveNoiseMultiplier(double noiseMultiplier, long batchSize, NeighboringRelation relation)
    {
        var isDoubledAlready = relation == NeighboringRelation.ReplaceOne && _options.Sampling is null or { HasFixedSizes: true };
        return SizeFor(batchSize) > 1 && !isDoubledAlready ? noiseMultiplier / 2 : noiseMultiplier;
    }

    /// <summary>Whether each example is a microbatch.</summary>
    public bool IsOneExampleEach(long batchSize) => SizeFor(batchSize) == 1;

    private long SizeFor(long batchSize)
    {
        if (_options.MicrobatchSize is { } size)
            return size;
        if (_options.NumMicrobatches is not { } count)
            return 1;
        if (_expectedBatchSize is { } expected)
            return (long)Math.Round(expected / count);
        return batchSize % count == 0 ? batchSize / count : throw Undivided(count, batchSize, "batch size");
    }

    private static double CountIn(double batchSize, long size) => Math.Ceiling(batchSize / size - Tolerance);

    private static bool IsWhole(double value) => Math.Abs(value - Math.Round(value)) <= Tolerance * value;

    private static ArgumentException Undivided(int count, double batchSize, string what) => new(
        string.Create(CultureInfo.InvariantCulture, $"NumMicrobatches must divide the {what}, but {count} does not divide {batchSize}. Give MicrobatchSize instead if batches differ in size, or neither, for one example each."),
        nameof(DPOptimizerOptions.NumMicrobatches));
}
