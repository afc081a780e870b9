using System.Collections.Concurrent;

namespace DpSgd.Tests.Sampling;

public class PrefetchingTests
{
    [Fact]
    public void Items_come_in_order_and_all_of_them()
    {
        using var items = new Prefetching<int>(Enumerable.Range(0, 1000), 3, _ => Assert.Fail("all were asked for"));
        for (var i = 0; i < 1000; i++)
        {
            items.MoveNext().Should().BeTrue();
            items.Current.Should().Be(i);
        }
        items.MoveNext().Should().BeFalse();
        items.MoveNext().Should().BeFalse();
    }

    [Theory]
    [InlineData(1)]
    [InlineData(4)]
    public void No_more_are_made_than_were_asked_for_and_so_many_ahead(int ahead)
    {
        var asked = 0;
        var made = 0;
        var tooMany = false;
        using var reached = new SemaphoreSlim(0);
        IEnumerable<int> Source()
        {
            for (var i = 0; i < 200; i++)
            {
                // An item is asked for a moment before the count of that is seen here.
                tooMany |= ++made > Volatile.Read(ref asked) + ahead;
                if (made == ahead)
                    reached.Release();
                yield return i;
            }
        }
        using var items = new Prefetching<int>(Source(), ahead, _ => { });
        reached.Wait(TimeSpan.FromSeconds(30)).Should().BeTrue("so many are made before any is asked for");
        for (var more = true; more;)
        {
            Interlocked.Increment(ref asked);
            more = items.MoveNext();
        }
        tooMany.Should().BeFalse();
        made.Should().Be(200);
    }

    [Fact]
    public void The_source_is_used_on_one_other_thread_and_is_disposed_there()
    {
        var threads = new ConcurrentBag<int>();
        IEnumerable<int> Source()
        {
            try
            {
                for (var i = 0; i < 5; i++)
                {
                    threads.Add(Environment.CurrentManagedThreadId);
                    yield return i;
                }
            }
            finally
            {
                threads.Add(Environment.CurrentManagedThreadId);
            }
        }
        using (var items = new Prefetching<int>(Source(), 2, _ => { }))
            items.MoveNext();
        threads.Distinct().Should().ContainSingle().Which.Should().NotBe(Environment.CurrentManagedThreadId);
    }

    [Fact]
    public void An_exception_comes_where_the_item_would_have_come_with_its_stack_trace()
    {
        static IEnumerable<int> Source()
        {
            yield return 1;
            yield return 2;
            ThisIsWhereItBreaks();
        }
        static void ThisIsWhereItBreaks() => throw new InvalidDataException("the disk is on fire");

        using var items = new Prefetching<int>(Source(), 5, _ => { });
        items.MoveNext().Should().BeTrue();
        items.MoveNext().Should().BeTrue();
        for (var i = 0; i < 2; i++)
            items.Invoking(it => it.MoveNext()).Should().Throw<InvalidDataException>().WithMessage("*on fire*").Which.StackTrace.Should().Contain(nameof(ThisIsWhereItBreaks));
    }

    [Fact]
    public void A_cancellation_inside_the_source_is_an_exception_as_any_other()
    {
        static IEnumerable<int> Source()
        {
            yield return 1;
            throw new OperationCanceledException("not ours");
        }
        using var items = new Prefetching<int>(Source(), 1, _ => { });
        items.MoveNext().Should().BeTrue();
        items.Invoking(it => it.MoveNext()).Should().Throw<OperationCanceledException>().WithMessage("not ours");
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(7)]
    public void Disposing_ends_the_thread_and_releases_what_nobody_asked_for(int asked)
    {
        for (var repeat = 0; repeat < 50; repeat++)
        {
            int made = 0, released = 0;
            var ended = false;
            IEnumerable<int> Source()
            {
                try
                {
                    while (true)
                        yield return made++;
                }
                finally
                {
                    ended = true;
                }
            }
            var items = new Prefetching<int>(Source(), 3, _ => released++);
            for (var i = 0; i < asked; i++)
                items.MoveNext();
            items.Dispose();
            items.Dispose();

            released.Should().Be(made - asked);
            // The thread may be stopped before it began.
            ended.Should().Be(made > 0);
            items.Invoking(it => it.MoveNext()).Should().Throw<ObjectDisposedException>();
        }
    }
}
