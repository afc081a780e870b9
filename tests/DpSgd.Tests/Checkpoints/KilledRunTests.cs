using System.Diagnostics;
using System.Globalization;
using DpSgd.Accounting;
using DpSgd.Tests.TestKit;
using static TorchSharp.torch;

namespace DpSgd.Tests.Checkpoints;

/// <summary>Killed at any moment, in a step or in the middle of writing, a run goes on and has forgotten nothing.</summary>
public sealed class KilledRunTests : IDisposable
{
    private const int Kills = 50;
    private const long Never = long.MaxValue;

    private readonly TemporaryFolder _folder = new();

    private readonly List<Process> _started = [];

    public void Dispose()
    {
        // Where the test fails, some are still waiting.
        foreach (var process in _started)
        {
            process.Kill();
            process.WaitForExit();
            process.Dispose();
        }
        _folder.Dispose();
    }

    [Fact]
    public void Fifty_times_killed_it_goes_on_and_its_ledger_never_shows_less_than_was_seen()
    {
        var path = Path.Combine(_folder.Path, "run.ckpt");
        var random = new Random(20);
        var (seen, saved, interrupted) = (0L, 0L, 0);
        var weights = new HashSet<string>();
        // The runs do what they do one after the other, but to get ready takes them long: two do it ahead.
        var next = new Queue<Process>([Start(path, Never, 0), Start(path, Never, 1)]);
        for (var kill = 0; kill < Kills; kill++)
        {
            if (kill < Kills - 2)
                next.Enqueue(Start(path, Never, kill + 2));
            var lines = Go(next.Dequeue(), killAfter: TimeSpan.FromMilliseconds(random.NextDouble() * 100));
            interrupted += File.Exists(path + ".tmp") || File.Exists(path + ".steps.tmp") ? 1 : 0;
            Check(lines, kill);
        }
        seen.Should().BeGreaterThan(Kills, "it must have come to something between the kills");
        interrupted.Should().BePositive("some of them must have been while a file was being written");

        // The last one is left alone, and epsilon covers all of them.
        var last = Go(Start(path, saved + 10, Kills), killAfter: null);
        Check(last, Kills);
        var ended = last[^1].Split(' ');
        ended[0].Should().Be("ended");
        var events = long.Parse(ended[1], CultureInfo.InvariantCulture);
        events.Should().BeInRange(seen, seen + Kills);
        var expected = new RdpAccountant();
        expected.Compose(RunToBeKilled.Options.Sampling!.EventOf(new GaussianDpEvent(1.5)), events);
        double.Parse(ended[2], CultureInfo.InvariantCulture).Should().Be(expected.GetEpsilon(1e-5));

        // And the checkpoint before the last can be loaded too.
        using var scope = NewDisposeScope();
        var model = Toy.Model();
        using var optimizer = new DPOptimizer(optim.Adam(model.parameters(), 0.01), model, RunToBeKilled.Options);
        optimizer.LoadCheckpoint(path + ".previous");
        optimizer.Guarantee(1e-5).Events.Single().Count.Should().Be(events);

        void Check(IReadOnlyList<string> lines, int kills)
        {
            if (lines.Count == 0)
                return;
            var began = lines[0].Split(' ');
            began[0].Should().Be("began");
            var (steps, ledger) = (long.Parse(began[1], CultureInfo.InvariantCulture), long.Parse(began[2], CultureInfo.InvariantCulture));
            // A kill may come between the ledger and the line that says so: one step more for each of them.
            ledger.Should().BeInRange(seen, seen + kills);
            steps.Should().BeGreaterThanOrEqualTo(saved, "what was saved is there").And.BeLessThanOrEqualTo(ledger);
            foreach (var step in lines.Where(line => line.StartsWith("step ")))
            {
                weights.Add(step).Should().BeTrue("the noise of a killed run never comes again");
                seen++;
            }
            saved = lines.Where(line => line.StartsWith("saved ")).Select(line => long.Parse(line[6..], CultureInfo.InvariantCulture)).Append(steps).Max();
        }
    }

    [Fact]
    public void Two_that_go_on_from_copies_of_one_checkpoint_draw_different_noise_and_from_one_file_only_one_goes_on()
    {
        var (first, second) = (Path.Combine(_folder.Path, "first.ckpt"), Path.Combine(_folder.Path, "second.ckpt"));
        string[] Steps(string path, long end, int number) => [.. Go(Start(path, end, number), killAfter: null).Where(line => line.StartsWith("step "))];
        Steps(first, 4, 0).Should().HaveCount(4);
        File.Copy(first, second);
        File.Copy(first + ".steps", second + ".steps");
        var running = Start(first, Never, 1);
        running.StandardOutput.ReadLine().Should().Be("ready");
        running.StandardInput.WriteLine();
        running.StandardOutput.ReadLine().Should().Be("began 4 4");

        var other = Steps(second, 7, 2);
        other.Should().HaveCount(3).And.OnlyHaveUniqueItems();
        for (var i = 0; i < 3; i++)
        {
            string? line;
            do
                line = running.StandardOutput.ReadLine();
            while (!line!.StartsWith("step "));
            line.Should().NotBe(other[i]);
        }

        var third = Start(first, 100, 3);
        third.StandardInput.WriteLine();
        third.StandardError.ReadToEnd().Should().Contain("first.ckpt belongs to another optimizer");
        third.WaitForExit();
        third.ExitCode.Should().NotBe(0);
    }

    /// <summary>Starts the program, which gets ready and waits.</summary>
    private Process Start(string path, long end, int number)
    {
        var start = new ProcessStartInfo(
            "dotnet", ["exec", typeof(RunToBeKilled).Assembly.Location, path, end.ToString(CultureInfo.InvariantCulture), Path.Combine(_folder.Path, $"warm{number}-")])
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        // The test host's own settings are for the test host.
        foreach (var name in start.Environment.Keys.Where(k => k.StartsWith("COR_", StringComparison.Ordinal) || k.StartsWith("CORECLR_", StringComparison.Ordinal)).ToList())
            start.Environment.Remove(name);
        start.Environment["DOTNET_TieredPGO"] = "0";
        var process = Process.Start(start)!;
        _started.Add(process);
        return process;
    }

    /// <summary>Lets the program go, until it ends or, if a time is given, is killed.</summary>
    /// <returns>The lines that it printed, without one that was cut off.</returns>
    private static string[] Go(Process process, TimeSpan? killAfter)
    {
        var errors = process.StandardError.ReadToEndAsync();
        process.StandardOutput.ReadLine().Should().Be("ready");
        var output = process.StandardOutput.ReadToEndAsync();
        process.StandardInput.WriteLine();
        if (killAfter is { } time)
        {
            Thread.Sleep(time);
            process.Kill();
        }
        process.WaitForExit();
        errors.Result.Should().BeEmpty();
        if (killAfter is null)
            process.ExitCode.Should().Be(0);
        return output.Result.Split('\n')[..^1];
    }
}
