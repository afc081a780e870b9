using System.Globalization;
using DpSgd.Accounting;
using DpSgd.Tests.TestKit;
using TorchSharp;
using static TorchSharp.torch;

namespace DpSgd.Tests.Robustness;

/// <summary>
/// Random models, shapes, microbatches and options against the loop. Seeds 0 to 399 by default; the environment variable
/// <c>DPSGD_FUZZ</c> says how many (<c>DPSGD_FUZZ=10000</c>), or from where to where (<c>5000-10000</c>).
/// </summary>
public class FuzzTests
{
    [Fact]
    public void Random_models_are_trained_as_the_loop_trains_them()
    {
        var (first, end) = Seeds(Environment.GetEnvironmentVariable("DPSGD_FUZZ") ?? "400");
        var failures = new List<string>();
        var kinds = new HashSet<string>();
        for (var seed = first; seed < end; seed++)
        {
            try
            {
                kinds.Add(Try(seed));
            }
            catch (Exception e)
            {
                failures.Add($"seed {seed}: {e.Message.Split('\n')[0]}");
            }
        }
        failures.Should().BeEmpty(string.Join('\n', failures).Replace("{", "{{").Replace("}", "}}"));
        if (end - first >= 400)
            kinds.Should().HaveCount(4, "every kind of input should have come");
    }

    private static (int First, int End) Seeds(string text)
    {
        var parts = text.Split('-');
        var end = int.Parse(parts[^1], CultureInfo.InvariantCulture);
        return (parts.Length == 1 ? 0 : int.Parse(parts[0], CultureInfo.InvariantCulture), end);
    }

    private static string Try(int seed)
    {
        using var scope = NewDisposeScope();
        var random = new Random(seed);
        torch.random.manual_seed(seed);
        var type = random.Next(5) == 0 ? ScalarType.Float32 : ScalarType.Float64;
        using var model = new RandomModel(random);
        model.to(type);
        var batch = random.Next(1, 8);
        var x = model.Input(batch, type);
        var y = randint(RandomModel.Outputs, [batch]);
        Freeze(model, random);
        var parameters = model.parameters().Where(p => p.requires_grad).ToList();

        Tensor Losses(Tensor input, Tensor labels) => nn.functional.cross_entropy(model.call(input), labels, reduction: nn.Reduction.None);
        var sampling = random.Next(4) == 0 ? new PoissonSampling(0.5, 2 * batch + random.Next(3)) : null;
        var size = sampling is null ? random.Next(1, batch + 2) : 1;
        var poisoned = model.Kind != "tokens" && random.Next(6) == 0 ? random.Next(batch) : -1;
        var clip = Math.Pow(10, random.NextDouble() * 3 - 2);
        var ledger = new RecordingAccountant();
        var options = new DPOptimizerOptions
        {
            L2NormClip = clip,
            NoiseMultiplier = 0,
            Sampling = sampling,
            Accountant = ledger,
            PerMicrobatchBackward = random.Next(8) == 0,
            MicrobatchSize = sampling is null && (batch % size != 0 || random.Next(2) == 0) ? size : null,
            NumMicrobatches = null,
            LossReduction = random.Next(2) == 0 ? LossReduction.Mean : LossReduction.Sum,
        };
        if (options.MicrobatchSize is null && sampling is null)
            options = options with { NumMicrobatches = batch / size };

        // Not every infinite input makes a gradient that is: behind frozen weights and a tanh it is one.
        if (poisoned >= 0)
            x[poisoned].fill_(random.Next(2) == 0 ? double.NaN : double.PositiveInfinity);
        var microbatches = MicrobatchLoop.Consecutive(batch, size).ToList();
        var clipped = microbatches.Select(m => MicrobatchLoop.ClippedSum(parameters, [m], i => Losses(x.narrow(0, i, 1), y.narrow(0, i, 1)).sum(), clip)).ToList();
        var isFinite = clipped.Select(sum => sum.All(g => g.isfinite().all().ToBoolean())).ToList();
        var nonFinite = microbatches.Where((_, i) => !isFinite[i]).Sum(m => m.Length);
        var what = $"{model.Kind} {string.Join(", ", model.children())} in {type}";
        if (poisoned < 0)
            nonFinite.Should().Be(0, $"the loop itself: {what}");
        var expected = parameters.Select((p, i) => clipped.Where((_, m) => isFinite[m]).Aggregate(zeros_like(p, requires_grad: false), (sum, part) => sum + part[i])).ToList();
        PoisonMemory();
        var actual = PrivateStep.Gradient(model, parameters, options, optimizer =>
        {
            if (options.PerMicrobatchBackward)
            {
                optimizer.step(batch, i => Losses(x.index_select(0, i), y.index_select(0, i)) is var losses && options.LossReduction == LossReduction.Sum ? losses.sum() : losses.mean());
            }
            else if (random.Next(2) == 0)
            {
                optimizer.step(() => Losses(x, y));
            }
            else
            {
                var losses = Losses(x, y);
                (options.LossReduction == LossReduction.Sum ? losses.sum() : losses.mean()).backward();
                optimizer.step();
            }
            optimizer.NonFiniteExamples.Should().Be(nonFinite, what);
        });
        ledger.Events.Should().ContainSingle();

        var count = sampling?.ExpectedBatchSize ?? microbatches.Count;
        Compare(actual.Select(g => g * count).ToList(), expected, clip, type == ScalarType.Float64 ? 1e-9 : 1e-4, what);
        return model.Kind;
    }

    /// <summary>Leaves NaN in memory that is given back, so that whoever reads what was not written is found out.</summary>
    private static void PoisonMemory()
    {
        using var scope = NewDisposeScope();
        for (var length = 1L; length <= 1 << 13; length += Math.Max(1, length / 2))
        {
            for (var i = 0; i < 3; i++)
                full(length, double.NaN, dtype: ScalarType.Float64);
        }
    }

    /// <summary>
    /// Differences count in units of what can be added at most, so that zero is compared with zero. Seven gradients of norm C
    /// at most are summed; where they cancel (seed 8620, by one unit in the last place), their rounding is all that is left.
    /// </summary>
    private static void Compare(List<Tensor> actual, IReadOnlyList<Tensor> expected, double clip, double tolerance, string what)
    {
        var largest = expected.Max(e => e.numel() == 0 ? 0 : e.abs().max().to(ScalarType.Float64).ToDouble());
        foreach (var (a, e) in actual.Zip(expected))
        {
            a.shape.Should().Equal(e.shape);
            if (a.numel() == 0)
                continue;
            var difference = (a - e).abs().max().to(ScalarType.Float64).ToDouble();
            var rounding = 16 * clip * (a.dtype == ScalarType.Float32 ? Math.ScaleB(1, -24) : Math.ScaleB(1, -53));
            (difference <= Math.Max(rounding, tolerance * Math.Max(largest, 1e-3 * clip))).Should().BeTrue($"{what}: the difference is {difference}, where the largest is {largest} and the clip norm {clip}");
        }
    }

    /// <summary>In a third of the models some parameters are frozen, but never all.</summary>
    private static void Freeze(RandomModel model, Random random)
    {
        if (random.Next(3) != 0)
            return;
        foreach (var parameter in model.parameters().SkipLast(1))
            parameter.requires_grad = random.Next(3) != 0;
    }
}
