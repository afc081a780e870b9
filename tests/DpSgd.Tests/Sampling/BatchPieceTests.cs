using DpSgd.Clipping;
using DpSgd.Tests.TestKit;

namespace DpSgd.Tests.Sampling;

public class BatchPieceTests
{
    private static readonly long[] Hundred = [.. Enumerable.Range(500, 100).Select(i => (long)i)];

    [Theory]
    [InlineData(1, 100)]
    [InlineData(30, 4)]
    [InlineData(50, 2)]
    [InlineData(99, 2)]
    [InlineData(100, 1)]
    [InlineData(null, 1)]
    public void A_batch_is_cut_into_pieces_that_are_no_larger(int? most, int count)
    {
        var pieces = BatchPiece.Cut(Hundred, most, null, new(0), 0);
        pieces.Should().HaveCount(count);
        pieces.SelectMany(piece => piece.Indices).Should().Equal(Hundred);
        pieces.Should().OnlyContain(piece => piece.Indices.Length <= (most ?? 100) && piece.IsWhole == (count == 1));
        pieces.Select(piece => piece.IsFirst).Should().Equal(Enumerable.Range(0, count).Select(i => i == 0));
        pieces.Select(piece => piece.IsLast).Should().Equal(Enumerable.Range(0, count).Select(i => i == count - 1));
    }

    [Fact]
    public void An_empty_batch_is_one_piece() =>
        BatchPiece.Cut([], 10, new Microbatching(Toy.Private with { Sampling = new PoissonSampling(0.1, 100), MicrobatchSize = 2 }), new(0), 0)
            .Should().ContainSingle().Which.Should().Match<BatchPiece>(piece => piece.IsWhole && piece.Indices.Length == 0);

    [Fact]
    public void A_piece_has_as_many_microbatches_as_there_is_room_for() =>
        BatchPiece.Cut(Hundred, 10, new Microbatching(Toy.Private with { MicrobatchSize = 5 }), new(0), 0)
            .Should().HaveCount(10).And.OnlyContain(piece => piece.Indices.Length == 10);

    [Theory]
    [InlineData(3, 10)]
    [InlineData(3, 2)]
    [InlineData(10, 25)]
    public void Microbatches_of_fixed_sizes_are_never_cut(int size, int most)
    {
        var microbatching = new Microbatching(Toy.Private with { Sampling = new FixedSizeSampling(100, 1000), MicrobatchSize = size });
        var pieces = BatchPiece.Cut(Hundred, most, microbatching, new(0), 0);
        pieces.SelectMany(piece => piece.Indices).Should().BeEquivalentTo(Hundred).And.NotEqual(Hundred, "who shares a microbatch is random");
        pieces.Sum(piece => piece.Microbatches!.Count).Should().Be((100 + size - 1) / size);
        foreach (var piece in pieces)
        {
            piece.Indices.Length.Should().BeLessThanOrEqualTo(Math.Max(size, most));
            piece.Microbatches!.BatchSize.Should().Be(piece.Indices.Length);
            piece.DividedFor.Should().BeSameAs(microbatching);
        }
        var sizes = pieces.SelectMany(piece => piece.Microbatches!.Positions()).Select(positions => positions.Length).ToList();
        sizes.Count(s => s == size).Should().Be(100 / size);
        sizes.Sum().Should().Be(100);
    }

    [Fact]
    public void Random_microbatches_are_decided_over_the_whole_batch()
    {
        // Whether the first and the last example share one of the 10 microbatches: a tenth of all draws, 7 standard errors,
        // though a piece has only a fifth of the batch.
        var microbatching = new Microbatching(Toy.Private with { Sampling = new PoissonSampling(0.1, 1000), MicrobatchSize = 10 });
        const int draws = 4_000;
        var together = Enumerable.Range(0, draws).Count(_ => BatchPiece.Cut(Hundred, 20, microbatching, new(0), 0).Any(piece =>
            piece.Microbatches!.Positions().Any(positions => positions.Select(p => piece.Indices[p]).Intersect([500, 599]).Count() == 2)));
        together.Should().BeInRange(400 - 7 * 19, 400 + 7 * 19);
    }

    [Fact]
    public void Pieces_are_used_in_order_and_once()
    {
        var pieces = BatchPiece.Cut(Hundred, 40, null, new(0), 0);
        pieces[0].WhyNotNow.Should().BeNull();
        pieces[1].WhyNotNow.Should().Contain("piece 1 of 3 of this batch was left out");
        pieces[0].Use();
        pieces[0].WhyNotNow.Should().Contain("already made of this piece");
        pieces[1].WhyNotNow.Should().BeNull();
        pieces[2].WhyNotNow.Should().Contain("piece 2 of 3");
        pieces[0].IsOfBatchOf(pieces[2]).Should().BeTrue();
        pieces[0].IsOfBatchOf(BatchPiece.Cut(Hundred, 40, null, new(0), 0)[0]).Should().BeFalse();
    }
}
