using System.Collections.Concurrent;
using DpSgd.Threading;
using FluentAssertions;
using TorchSharp;
using Xunit;

namespace DpSgd.Tests.Threading;

public class TeamTests
{
    [Theory]
    [InlineData(0, 4)]
    [InlineData(1, 4)]
    [InlineData(7, 1)]
    [InlineData(7, 3)]
    [InlineData(1000, 2)]
    [InlineData(1000, 16)]
    public void Each_number_once(int count, int threads)
    {
        var done = new int[count];
        Team.For(count, threads, i => Interlocked.Increment(ref done[i]));
        done.Should().Equal(Enumerable.Repeat(1, done.Length));
    }

    [Fact]
    public void Each_number_once_on_other_threads()
    {
        var done = new int[1000];
        Team.OnOthers(new Team.Loop(1000, i => Interlocked.Increment(ref done[i])), 4);
        done.Should().Equal(Enumerable.Repeat(1, done.Length));
    }

    /// <summary>Each waits for the other, so that neither can do both.</summary>
    [Fact]
    public void Two_at_a_time()
    {
        using var both = new Barrier(2);
        var threads = new ConcurrentBag<int>();
        Team.For(2, 2, _ =>
        {
            both.SignalAndWait(TimeSpan.FromSeconds(30)).Should().BeTrue();
            threads.Add(Environment.CurrentManagedThreadId);
        });
        threads.Distinct().Should().HaveCount(2);
    }

    [Fact]
    public void On_Linux_they_are_libtorchs()
    {
        using var any = torch.zeros(1);   // loads libtorch
        Team.IsLibtorchs.Should().Be(OperatingSystem.IsLinux());
    }

    [Fact]
    public void Of_several_OpenMP_libraries_that_beside_libtorch()
    {
        Team.BesideLibtorch(["/usr/lib/libgomp.so.1", "/app/libtorch_cpu.so", "/app/libgomp-24e2ab19.so.1"]).Should().Be("/app/libgomp-24e2ab19.so.1");
        Team.BesideLibtorch(["/app/libtorch_cpu.so", "/usr/lib/libgomp.so.1"]).Should().Be("/usr/lib/libgomp.so.1", "a build of libtorch may use the system's");
        Team.BesideLibtorch(["/app/libtorch_cpu.so"]).Should().BeNull();
    }

    [Theory]
    [InlineData(1)]
    [InlineData(4)]
    public void What_is_thrown_is_thrown_to_the_caller_and_the_next_loop_runs(int threads)
    {
        var failing = () => Team.For(100, threads, i => throw new InvalidOperationException($"at {i}"));
        failing.Should().Throw<InvalidOperationException>().WithMessage("at *");

        var done = 0;
        Team.For(100, threads, _ => Interlocked.Increment(ref done));
        done.Should().Be(100);
    }

    [Fact]
    public void Loops_within_loops_and_on_many_threads_of_the_callers()
    {
        var done = 0;
        var callers = Enumerable.Range(0, 4).Select(_ => new Thread(() =>
            Team.For(10, 2, _ => Team.For(10, 2, _ => Interlocked.Increment(ref done))))).ToList();
        callers.ForEach(caller => caller.Start());
        callers.ForEach(caller => caller.Join());
        done.Should().Be(400);
    }

    [Fact]
    public void Garbage_is_collected_while_a_loop_runs()
    {
        var kept = new object[64];
        Team.For(64, 2, i =>
        {
            for (var k = 0; k < 50; k++)
                kept[i] = new byte[10_000];
            GC.Collect();
        });
        kept.Should().NotContainNulls();
    }

    [Fact]
    public void Little_work_is_not_shared() => Team.Threads(1000).Should().Be(1);

    [Fact]
    public void Much_work_is_shared_by_as_many_as_libtorch_uses() => Team.Threads(1e12).Should().Be(torch.get_num_threads());
}
