namespace DpSgd.Accounting.Tests.Ledger;

public class EventLedgerTests
{
    private static readonly DpEvent A = new GaussianDpEvent(1);
    private static readonly DpEvent B = new PoissonSampledDpEvent(0.5, new GaussianDpEvent(2));
    private static readonly DpEvent C = new NoOpDpEvent();

    [Fact]
    public void Counts_of_nested_compositions_multiply()
    {
        var nested = new SelfComposedDpEvent(new ComposedDpEvent([B, new SelfComposedDpEvent(A, 5), B, C]), 3);

        EventLedger.TakeApart(nested, 7).Should().Equal(
            new LedgerEntry(B, 42), new LedgerEntry(A, 105), new LedgerEntry(C, 21));
    }

    [Fact]
    public void An_event_in_several_places_is_counted_in_each_whichever_comes_first()
    {
        var twice = new SelfComposedDpEvent(A, 2);
        EventLedger.TakeApart(new ComposedDpEvent([twice, new SelfComposedDpEvent(twice, 3)]), 1).Should().Equal(new LedgerEntry(A, 8));
        EventLedger.TakeApart(new ComposedDpEvent([new SelfComposedDpEvent(twice, 3), twice]), 1).Should().Equal(new LedgerEntry(A, 8));
    }

    [Fact]
    public void Counts_whose_product_or_sum_overflows_are_refused()
    {
        var many = new SelfComposedDpEvent(A, 1L << 40);
        FluentActions.Invoking(() => EventLedger.TakeApart(new SelfComposedDpEvent(many, 1L << 40), 1)).Should().Throw<OverflowException>();
        var most = new SelfComposedDpEvent(A, long.MaxValue);
        FluentActions.Invoking(() => EventLedger.TakeApart(new ComposedDpEvent([most, A]), 1)).Should().Throw<OverflowException>();
    }

    [Fact]
    public void An_empty_composition_is_nothing() =>
        EventLedger.TakeApart(new SelfComposedDpEvent(new ComposedDpEvent([]), 3), 2).Should().BeEmpty();

    [Fact]
    public void What_was_done_to_one_sample_stays_together()
    {
        var sampled = new PoissonSampledDpEvent(0.5, new ComposedDpEvent([A, A]));
        EventLedger.TakeApart(sampled, 2).Should().Equal(new LedgerEntry(sampled, 2));
    }

    [Fact]
    public void Nesting_may_be_deep()
    {
        var dpEvent = A;
        for (var i = 0; i < 100_000; i++)
            dpEvent = i % 2 == 0 ? new SelfComposedDpEvent(dpEvent, 1) : new ComposedDpEvent([dpEvent]);
        EventLedger.TakeApart(dpEvent, 2).Should().Equal(new LedgerEntry(A, 2));
    }

    [Fact]
    public void Equal_events_share_a_line_where_the_first_was_seen()
    {
        var ledger = new EventLedger();
        ledger.Enter([new LedgerEntry(B, 1), new LedgerEntry(A, 2)]);
        ledger.Enter([new LedgerEntry(new GaussianDpEvent(1), 3), new LedgerEntry(C, 4)]);

        ledger.Entries.Should().Equal(new LedgerEntry(B, 1), new LedgerEntry(A, 5), new LedgerEntry(C, 4));
        ledger.Contains(new GaussianDpEvent(1)).Should().BeTrue();
        ledger.Contains(new GaussianDpEvent(1.5)).Should().BeFalse();
    }

    [Fact]
    public void A_count_that_overflows_enters_nothing()
    {
        var ledger = new EventLedger();
        ledger.Enter([new LedgerEntry(A, long.MaxValue)]);

        var enter = () => ledger.Enter([new LedgerEntry(B, 1), new LedgerEntry(A, 1)]);

        enter.Should().Throw<OverflowException>();
        ledger.Entries.Should().Equal(new LedgerEntry(A, long.MaxValue));
    }

    [Fact]
    public void A_product_of_counts_that_overflows_is_refused()
    {
        var takeApart = () => EventLedger.TakeApart(new SelfComposedDpEvent(A, 1L << 40), 1L << 23);
        takeApart.Should().Throw<OverflowException>();
        EventLedger.TakeApart(new SelfComposedDpEvent(A, 1L << 40), 1L << 22).Should().Equal(new LedgerEntry(A, 1L << 62));
    }

    [Fact]
    public void A_sum_of_counts_that_overflows_is_refused()
    {
        var takeApart = () => EventLedger.TakeApart(new ComposedDpEvent([new SelfComposedDpEvent(A, long.MaxValue), A]), 1);
        takeApart.Should().Throw<OverflowException>();
    }

    /// <summary>Doubled sixty times: as many events as there are uses would take for ever.</summary>
    [Fact]
    public void Shared_events_are_taken_apart_once()
    {
        DpEvent nested = new GaussianDpEvent(1);
        for (var i = 0; i < 60; i++)
            nested = new ComposedDpEvent([nested, nested]);
        EventLedger.TakeApart(nested, 2).Should().Equal(new LedgerEntry(new GaussianDpEvent(1), 1L << 61));
        FluentActions.Invoking(() => EventLedger.TakeApart(nested, 8)).Should().Throw<OverflowException>();
    }

    [Fact]
    public void Shared_events_keep_the_order_of_first_sight()
    {
        var (a, b, c) = (new GaussianDpEvent(1), new GaussianDpEvent(2), new LaplaceDpEvent(3));
        var shared = new SelfComposedDpEvent(new ComposedDpEvent([b, a]), 3);
        EventLedger.TakeApart(new ComposedDpEvent([c, shared, new GaussianDpEvent(1), shared, b]), 2).Should().Equal(
            new LedgerEntry(c, 2), new LedgerEntry(b, 14), new LedgerEntry(a, 14));
    }
}
